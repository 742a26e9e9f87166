import type { Id } from '../model/ids.ts';
import type { Clock } from '../observe/clock.ts';
import type { WaitingRun } from './lanes.ts';

/** Runs that are not to begin yet. */
export interface Delayed {
  /** Tells of it when its time has come. */
  add(run: WaitingRun, notBefore: number): void;
  /** "Not there" is success. */
  drop(id: Id): void;
}

/** The longest delay of a timer (2^31 - 1 ms), nearly 25 days. */
const longestSleepMs = 2_147_483_647;

export function createDelayed(options: {
  readonly clock: Clock;
  readonly onDue: (run: WaitingRun) => void;
  readonly closing: AbortSignal;
}): Delayed {
  const { clock, onDue, closing } = options;
  const waiting = new Map<Id, AbortController>();
  closing.addEventListener('abort', () => {
    for (const wait of waiting.values()) wait.abort();
  });
  const until = async (moment: number, signal: AbortSignal): Promise<void> => {
    for (let leftMs = moment - clock.now(); leftMs > 0; leftMs = moment - clock.now())
      await clock.sleep(Math.min(leftMs, longestSleepMs), signal);
  };
  const drop = (id: Id): void => {
    waiting.get(id)?.abort();
    waiting.delete(id);
  };
  return {
    add: (run, notBefore) => {
      drop(run.id);
      const wait = new AbortController();
      waiting.set(run.id, wait);
      until(notBefore, wait.signal).then(
        () => {
          waiting.delete(run.id);
          onDue(run);
        },
        () => undefined,
      );
    },
    drop,
  };
}
