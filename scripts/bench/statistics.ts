/** What one contestant did in one or more batches. */
export interface Batch {
  /** Of each operation, from its start until its end was seen. */
  readonly ms: readonly number[];
  /** Wall clock of the whole. */
  readonly tookMs: number;
}

export interface Summary {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
}

export const nothing: Batch = { ms: [], tookMs: 0 };

/** Two batches as if they had been one. */
export const joined = (a: Batch, b: Batch): Batch => ({ ms: [...a.ms, ...b.ms], tookMs: a.tookMs + b.tookMs });

/** @throws RangeError for a batch without operations: it has no percentiles */
export function summaryOf({ ms, tookMs }: Batch): Summary {
  const sorted = ms.toSorted((a, b) => a - b);
  return { p50Ms: percentile(sorted, 0.5), p99Ms: percentile(sorted, 0.99), perSecond: (ms.length / tookMs) * 1000 };
}

/**
 * The smallest value that at least `fraction` of all do not exceed (nearest rank), so that a percentile is always one that
 * was measured. `sorted` ascends.
 */
export function percentile(sorted: readonly number[], fraction: number): number {
  const found = sorted[Math.max(Math.ceil(sorted.length * fraction), 1) - 1];
  if (found === undefined) throw new RangeError('nothing was measured');
  return found;
}
