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
  /** Results and logs of settled runs together; the oldest go first, and their runs stay. */
  readonly maxOutputBytes: number;
}

const dayMs = 24 * 60 * 60 * 1000;

export const defaultRetention: RunRetention = {
  maxAgeMs: dayMs,
  maxCount: 10_000,
  maxDeadAgeMs: 14 * dayMs,
  maxOutputBytes: 10 * 1024 ** 3,
};

const everyMs = 60_000;
/** Few at a time, so that accepts get their turns between. */
const atOnce = 50;

/** Removes expired runs now and then until it is aborted. Never rejects. */
export async function keepRetention(options: {
  readonly runs: RunStore;
  readonly retention: RunRetention;
  readonly remove: (run: Run) => Promise<void>;
  /** Only what it wrote. */
  readonly removeOutput: (run: Run) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { runs, retention, remove, removeOutput, clock, log, signal } = options;
  const { maxOutputBytes } = retention;
  const expired = async (): Promise<readonly Run[]> => runs.expired({ ...retention, now: clock.now(), limit: atOnce });
  const excess = async (): Promise<readonly Run[]> => runs.ofExcessOutput(maxOutputBytes, atOnce);
  while (!signal.aborted) {
    try {
      await prune(expired, remove, signal);
      await prune(excess, removeOutput, signal);
    } catch (error) {
      if (!signal.aborted) log.warn('Old runs could not be removed; it is tried again', { error });
    }
    await clock.sleep(everyMs, signal).catch(() => undefined);
  }
}

async function prune(
  next: () => Promise<readonly Run[]>,
  remove: (run: Run) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const found = await next();
    await Promise.all(found.map(remove));
    if (found.length < atOnce) return;
  }
}
