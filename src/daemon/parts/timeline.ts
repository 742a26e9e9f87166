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

export function createDaemonTimeline(store: Store, log: Log): DaemonTimeline {
  const listeners = new Set<(event: TimelineEvent) => void>();
  const writing = new Set<Promise<void>>();
  return {
    record: (event) => {
      for (const listener of listeners) listener(event);
      const written = store.timeline
        .append(event)
        .catch((error: unknown) => log.warn('An event could not be kept', { event: event.kind, error }))
        .finally(() => writing.delete(written));
      writing.add(written);
    },
    follow: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    flushed: async () => void (await Promise.all(writing)),
  };
}
