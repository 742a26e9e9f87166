import type { Goal } from '../goal.ts';
import type { Outcome } from './document.ts';

/** A bench is data and what measures it. */
export interface Bench {
  readonly about: string;
  /** By the name of the ratio. */
  readonly goals: Readonly<Record<string, Goal>>;
  measure(options: BenchOptions): Promise<Outcome>;
}

export interface BenchOptions {
  /** Aborted: it ends what it started and rejects. */
  readonly signal: AbortSignal;
  /** Folder of another checkout of minke, to be measured side by side with this one. */
  readonly against: string | undefined;
  readonly tell: (progress: string) => void;
}
