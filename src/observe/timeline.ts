import type { TimelineEvent } from '../model/timeline.ts';

/** Where things that happened are told. Never throws and never waits: telling must not hold up the doing. */
export interface Timeline {
  record(event: TimelineEvent): void;
}
