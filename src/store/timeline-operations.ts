import type { TimelineEvent } from '../model/timeline.ts';
import { all, first, run, type Work } from './statement.ts';

/** Events kept; each append forgets at most the one that leaves this window, so that none is slower than another. */
const keptEvents = 100_000;

export interface TimelineFilter {
  readonly app?: string;
  readonly since?: number;
  readonly limit?: number;
}

export const timelineOperations = {
  *appendEvent(event: TimelineEvent): Work<void> {
    const row = yield* first('INSERT INTO timeline (at, app, event) VALUES (:at, :app, :event) RETURNING seq', {
      at: event.at,
      app: event.app ?? null,
      event: JSON.stringify(event),
    });
    yield* run('DELETE FROM timeline WHERE seq <= :last', { last: Number(row?.['seq']) - keptEvents });
  },

  *listEvents({ app, since = 0, limit = 1000 }: TimelineFilter): Work<readonly TimelineEvent[]> {
    const [ofApp, values] = app === undefined ? ['', {}] : ['app = :app AND ', { app }];
    const rows = yield* all(
      `SELECT event FROM timeline WHERE ${ofApp}at >= :since ORDER BY at DESC, seq DESC LIMIT :limit`,
      { ...values, since, limit },
    );
    return rows.map((row) => JSON.parse(String(row['event'])) as TimelineEvent).toReversed();
  },
};
