import type { Run } from '../model/run.ts';
import type { Clock } from '../observe/clock.ts';
import type { Log } from '../observe/log.ts';
import type { RunStore } from '../store/store.ts';

/** How long settled runs are kept, with their logs and results. */
export interface RunRetention {
  readonly maxAgeMs: number;
  readonly maxCount: number;
  /** A dead one that nobody has done once more. */
  readonly maxDeadAgeMs: number;
}

const dayMs = 24 * 60 * 60 * 1000;

export const defaultRetention: RunRetention = { maxAgeMs: dayMs, maxCount: 10_000, maxDeadAgeMs: 14 * dayMs };

const everyMs = 60_000;
/** Few at a time, so that accepts get their turns between. */
const atOnce = 50;

/** Removes expired runs now and then until it is aborted. Never rejects. */
export async function keepRetention(options: {
  readonly runs: RunStore;
  readonly retention: RunRetention;
  readonly remove: (run: Run) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { runs, retention, remove, clock, log, signal } = options;
  while (!signal.aborted) {
    try {
      await prune(runs, retention, remove, clock, signal);
    } catch (error) {
      if (!signal.aborted) log.warn('Old runs could not be removed; it is tried again', { error });
    }
    await clock.sleep(everyMs, signal).catch(() => undefined);
  }
}

async function prune(
  runs: RunStore,
  retention: RunRetention,
  remove: (run: Run) => Promise<void>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const expired = await runs.expired({ ...retention, now: clock.now(), limit: atOnce });
    await Promise.all(expired.map(remove));
    if (expired.length < atOnce) return;
  }
}
