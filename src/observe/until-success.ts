import type { Clock } from './clock.ts';

export interface Attempts {
  readonly clock: Clock;
  /** Ends it, in a pause or before the next attempt. */
  readonly signal: AbortSignal;
  /** Milliseconds before the next attempt: `first`, then twice as long each time, up to `longest`. */
  readonly pauses: { readonly first: number; readonly longest: number };
  /** Told of each failure and how long the pause after it is. What it throws ends the attempts. */
  readonly onFailure: (error: unknown, pauseMs: number) => void;
}

/** Attempts until one succeeds. Rejects with the signal's reason, or with what `onFailure` throws. */
export async function untilSuccess<T>(
  attempt: () => Promise<T>,
  { clock, signal, pauses, onFailure }: Attempts,
): Promise<T> {
  for (let pauseMs = pauses.first; ; pauseMs = Math.min(2 * pauseMs, pauses.longest)) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      onFailure(error, pauseMs);
    }
    await clock.sleep(pauseMs, signal);
  }
}
