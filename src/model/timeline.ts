import type { Id } from './ids.ts';

/** One thing that happened. The timeline is the only log of its kind: starts, ends, deploys, refusals, heals. */
export interface TimelineEvent {
  /** Unix milliseconds. */
  readonly at: number;
  readonly kind: string;
  readonly app?: string;
  readonly name?: string;
  readonly instance?: Id;
  readonly run?: Id;
  readonly facts?: Readonly<Record<string, unknown>>;
}
