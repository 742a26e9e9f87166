import type { Clock } from '../../observe/clock.ts';

const firstPauseMs = 500;
const longestPauseMs = 60_000;

export interface TryAgainOptions {
  readonly clock: Clock;
  /** Ends it, in a pause or before the next attempt. */
  readonly signal: AbortSignal;
  /** Told of each failure and how long the pause after it is. */
  readonly onFailure: (error: unknown, pauseMs: number) => void;
}

/**
 * Attempts until one succeeds, with pauses that double up to a minute. Resolves when the first attempt is over; what comes
 * after it goes on beside. Never rejects.
 */
export async function tryAgain(attempt: () => Promise<void>, options: TryAgainOptions): Promise<void> {
  if (!(await isDone(attempt, firstPauseMs, options))) void goOn(attempt, options);
}

async function goOn(attempt: () => Promise<void>, options: TryAgainOptions): Promise<void> {
  const { clock, signal } = options;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    await clock.sleep(pauseMs, signal).catch(() => undefined);
    if (signal.aborted || (await isDone(attempt, Math.min(2 * pauseMs, longestPauseMs), options))) return;
  }
}

async function isDone(attempt: () => Promise<void>, pauseMs: number, options: TryAgainOptions): Promise<boolean> {
  try {
    await attempt();
    return true;
  } catch (error) {
    if (!options.signal.aborted) options.onFailure(error, pauseMs);
    return options.signal.aborted;
  }
}
