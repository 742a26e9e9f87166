import type { Clock } from '../observe/clock.ts';

/** Calls back once a moment has come. The earliest moment that was asked for counts; it may ring when nobody needs it any more. */
export interface Alarm {
  /** Milliseconds of `clock.elapsed()`. */
  ringAt(moment: number): void;
  close(): void;
}

export function createAlarm(clock: Clock, ring: () => void): Alarm {
  let set: { readonly at: number; readonly over: AbortController } | undefined;
  return {
    ringAt: (at) => {
      if (set !== undefined && set.at <= at) return;
      set?.over.abort();
      const mine = { at, over: new AbortController() };
      set = mine;
      clock.sleep(Math.max(at - clock.elapsed(), 0), mine.over.signal).then(
        () => {
          if (set !== mine) return;
          set = undefined;
          ring();
        },
        () => undefined,
      );
    },
    close: () => {
      set?.over.abort();
      set = undefined;
    },
  };
}
