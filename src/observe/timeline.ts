import type { TimelineEvent } from '../model/timeline.ts';

/** Where things that happened are told. Never throws and never waits: telling must not hold up the doing. */
export interface Timeline {
  record(event: TimelineEvent): void;
}

/** A timeline in memory. */
export interface TimelineRing extends Timeline {
  /** The last events, oldest first. */
  recent(): readonly TimelineEvent[];
}

/** Keeps the last `limit` events. */
export function createTimelineRing(limit = 1000): TimelineRing {
  let events: TimelineEvent[] = [];
  return {
    record: (event) => {
      events.push(event);
      // Cut rarely, so that recording stays cheap.
      if (events.length >= 2 * limit) events = events.slice(-limit);
    },
    recent: () => events.slice(-limit),
  };
}
