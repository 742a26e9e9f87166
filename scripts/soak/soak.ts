import type { Goal } from '../goal.ts';

/** A soak does what a test does, so often that what happens seldom happens, and says what it counted. */
export interface Soak {
  readonly about: string;
  /** Rejects when something that may never happen did; what has a limit is a figure. */
  run(options: SoakOptions): Promise<readonly Figure[]>;
}

export interface SoakOptions {
  /** 1 = the counts that the promises are made for. */
  readonly scale: number;
  /** Aborted: it ends what it started and rejects. */
  readonly signal: AbortSignal;
  readonly tell: (progress: string) => void;
}

export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Absent: it is only told. */
  readonly limit?: Goal;
}
