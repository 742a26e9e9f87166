import type { DatabaseSync } from 'node:sqlite';
import type { TimelineEvent } from '../model/timeline.ts';

/** Events kept; each append forgets at most the one that leaves this window, so that none is slower than another. */
const keptEvents = 100_000;

export interface TimelineOperations {
  readonly appendEvent: (event: TimelineEvent) => void;
  readonly listEvents: (filter: TimelineFilter) => readonly TimelineEvent[];
}

export interface TimelineFilter {
  readonly app?: string;
  readonly since?: number;
  readonly limit?: number;
}

export function prepareTimeline(db: DatabaseSync): TimelineOperations {
  const append = db.prepare('INSERT INTO timeline (at, app, event) VALUES (?, ?, ?)');
  const forget = db.prepare('DELETE FROM timeline WHERE seq <= ?');
  const ofAll = db.prepare('SELECT event FROM timeline WHERE at >= :since ORDER BY at DESC, seq DESC LIMIT :limit');
  const ofApp = db.prepare(
    'SELECT event FROM timeline WHERE app = :app AND at >= :since ORDER BY at DESC, seq DESC LIMIT :limit',
  );
  return {
    appendEvent: (event) => {
      const { lastInsertRowid } = append.run(event.at, event.app ?? null, JSON.stringify(event));
      forget.run(Number(lastInsertRowid) - keptEvents);
    },
    listEvents: ({ app, since = 0, limit = 1000 }) => {
      const rows = app === undefined ? ofAll.all({ since, limit }) : ofApp.all({ app, since, limit });
      return rows.map((row) => JSON.parse(String(row['event'])) as TimelineEvent).toReversed();
    },
  };
}
