import type { InstanceExit } from './instance.ts';
import type { ServicePlace } from './service-place.ts';

/** How one life of a service ended; minke itself ends what is `unhealthy` or was not ready in time. */
export interface LifeEnd {
  readonly code: number;
  readonly cause: InstanceExit['cause'] | 'unhealthy' | 'not-ready' | 'not-started';
}

/** How a place of a service ended for good: until somebody has it started again. JSON-safe. */
export interface Outcome extends LifeEnd {
  readonly state: 'completed' | 'given-up';
  readonly restarts: number;
  /** Unix milliseconds. */
  readonly at: number;
}

/** What is remembered of it, so that the next daemon neither begins it again nor waits for it. */
export interface ServiceEnd extends ServicePlace {
  /** What it was made from (`minke.digest`): another is another program. */
  readonly digest: string;
  readonly outcome: Outcome;
}
