import { MinkeError } from '../errors/index.ts';
import type { Id } from '../model/ids.ts';
import { isSettled, type Run } from '../model/run.ts';
import type { Clock } from '../observe/clock.ts';
import type { Changes } from './changes.ts';

/** Waits for the end of a run, told by the one who settles it: no polling. */
export type WaitForEnd = (id: Id, options?: WaitOptions) => Promise<Run>;

export interface WaitOptions {
  /** After this the run is answered as it is. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export function createWaiting(options: {
  readonly changes: Changes;
  /** A draft counts as a run that is not settled. @throws RUN_NOT_FOUND */
  readonly find: (id: Id) => Promise<Run>;
  readonly clock: Clock;
  readonly closing: AbortSignal;
}): WaitForEnd {
  const { changes, find, clock, closing } = options;
  return async (id, { timeoutMs, signal } = {}) => {
    const enough = new AbortController();
    const answered = new AbortController();
    if (timeoutMs !== undefined) {
      clock.sleep(timeoutMs, answered.signal).then(
        () => enough.abort(),
        () => undefined,
      );
    }
    const look = async (): Promise<Run | undefined> => {
      const run = await find(id);
      return isSettled(run.state) ? run : undefined;
    };
    try {
      const signals = [enough.signal, closing, ...(signal === undefined ? [] : [signal])];
      const settled = await changes.until(id, look, AbortSignal.any(signals));
      if (settled !== undefined) return settled;
      signal?.throwIfAborted();
      if (closing.aborted) throw daemonEnds();
      return await find(id);
    } finally {
      answered.abort();
    }
  };
}

export const daemonEnds = (): MinkeError => new MinkeError('INTERNAL', { reason: 'the daemon is ending' });
