import type { Clock } from '../observe/clock.ts';
import type { Log } from '../observe/log.ts';
import { untilSuccess } from '../observe/until-success.ts';

/** Repeats a write until the store takes it. */
export type Persist = <T>(what: string, write: () => Promise<T>) => Promise<T>;

const pauses = { first: 100, longest: 5000 };

/**
 * How a run ended must not be forgotten because the disk was full just then: the write is repeated, slower and slower,
 * until it is done. Rejects only once the signal is aborted; the next daemon finds the run as it was.
 */
export function createPersist(options: {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}): Persist {
  const { clock, log, signal } = options;
  return async (what, write) => {
    const onFailure = (error: unknown, delayMs: number): void =>
      log.error('The store did not take a write; it is repeated', { what, delayMs, error });
    return await untilSuccess(write, { clock, signal, pauses, onFailure });
  };
}
