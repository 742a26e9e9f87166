import type { InstanceExit } from './instance.ts';

/** How one life of a service ended; minke itself ends what is `unhealthy` or was not ready in time. */
export interface LifeEnd {
  readonly code: number;
  readonly cause: InstanceExit['cause'] | 'unhealthy' | 'not-ready' | 'not-started';
}

/** How a service ended for good: until somebody has it started again. JSON-safe. */
export interface Outcome extends LifeEnd {
  readonly state: 'completed' | 'given-up';
  readonly restarts: number;
  /** Unix milliseconds. */
  readonly at: number;
}

/** What is remembered of it, so that the next daemon neither begins it again nor waits for it. */
export interface ServiceEnd {
  readonly app: string;
  readonly service: string;
  /** What it was made from (`minke.digest`): another is another program. */
  readonly digest: string;
  readonly outcome: Outcome;
}
