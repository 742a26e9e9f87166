import type { TimelineEvent } from '../../model/timeline.ts';
import type { Log } from '../../observe/log.ts';
import type { Timeline } from '../../observe/timeline.ts';
import type { Store } from '../../store/store.ts';

/** The timeline with its durable sink, and a way to follow it. */
export interface DaemonTimeline extends Timeline {
  /** Calls back for every event from now on, until the answer is called. */
  follow(listener: (event: TimelineEvent) => void): () => void;
  /** Resolves when everything told so far is on disk. */
  flushed(): Promise<void>;
}

/**
 * Nobody waits for an event to be on disk, so events of this long go together: a request makes three, and each alone would
 * cost a sync and wake two threads.
 */
const gatherMs = 25;

export function createDaemonTimeline(store: Store, log: Log): DaemonTimeline {
  const listeners = new Set<(event: TimelineEvent) => void>();
  const writing = new Set<Promise<void>>();
  let gathered: TimelineEvent[] = [];
  let timer: NodeJS.Timeout | undefined;

  const write = (event: TimelineEvent): void => {
    const written = store.timeline
      .append(event)
      .catch((error: unknown) => log.warn('An event could not be kept', { event: event.kind, error }))
      .finally(() => writing.delete(written));
    writing.add(written);
  };
  const writeGathered = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const events = gathered;
    gathered = [];
    for (const event of events) write(event);
  };

  return {
    record: (event) => {
      for (const listener of listeners) listener(event);
      gathered.push(event);
      timer ??= setTimeout(writeGathered, gatherMs);
    },
    follow: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    flushed: async () => {
      writeGathered();
      await Promise.all(writing);
    },
  };
}
