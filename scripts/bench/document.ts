import { isReached, type Goal } from '../goal.ts';
import type { MachineFacts } from '../machine.ts';
import type { Summary } from './statistics.ts';

/** One line of a bench's result. Without figures when what it names could not be measured; `what` then says why. */
export type Row = { readonly what: string } & (Summary | { readonly [Key in keyof Summary]: null });

/** What a bench has measured. */
export interface Outcome {
  readonly rows: readonly Row[];
  /** Only those that both sides of were measured. */
  readonly ratios: Readonly<Record<string, number>>;
}

/** The one document of `--json`: a contract with whoever reads it. */
export interface BenchDocument {
  readonly bench: string;
  readonly rows: readonly Row[];
  readonly ratios: Readonly<Record<string, number>>;
  readonly goals: Readonly<Record<string, Goal & { readonly reached: boolean }>>;
  readonly machine: MachineFacts;
}

/** A goal whose ratio could not be measured is not reached. */
export function documentOf(
  bench: string,
  { rows, ratios }: Outcome,
  goals: Readonly<Record<string, Goal>>,
  machine: MachineFacts,
): BenchDocument {
  const judged = Object.entries(goals).map(([name, goal]) => [
    name,
    { ...goal, reached: isReached(goal, ratios[name]) },
  ]);
  return {
    bench,
    rows: rows.map((row) => ({
      what: row.what,
      p50Ms: rounded(row.p50Ms),
      p99Ms: rounded(row.p99Ms),
      perSecond: rounded(row.perSecond),
    })) as Row[],
    ratios: Object.fromEntries(Object.entries(ratios).map(([name, ratio]) => [name, rounded(ratio) ?? Number.NaN])),
    goals: Object.fromEntries(judged) as BenchDocument['goals'],
    machine,
  };
}

export const missingRow = (what: string, why: string): Row => ({
  what: `${what}: not measured, ${why}`,
  p50Ms: null,
  p99Ms: null,
  perSecond: null,
});

/** Three digits after the point: less than what differs between two runs. */
const rounded = (value: number | null): number | null => (value === null ? null : Math.round(value * 1000) / 1000);
