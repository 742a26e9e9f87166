import type { Clock } from '../observe/clock.ts';

/** Where the time of a request went, in milliseconds. A phase that was not reached is 0. */
export interface PhaseTimes {
  /** From arrival until the request was let in. */
  readonly queueMs: number;
  /** Until an instance was there for it. */
  readonly startMs: number;
  /** Since then. */
  readonly handlerMs: number;
  readonly totalMs: number;
}

export interface Phases {
  admitted(): void;
  started(): void;
  measure(): PhaseTimes;
}

/** Begins to count. A later call of the same mark (after a local redirect) moves it. */
export function createPhases(clock: Clock): Phases {
  const begun = clock.elapsed();
  let admitted: number | undefined;
  let started: number | undefined;
  return {
    admitted: () => {
      admitted = clock.elapsed();
    },
    started: () => {
      started = clock.elapsed();
    },
    measure: () => {
      const now = clock.elapsed();
      const entered = admitted ?? now;
      const ready = started ?? now;
      return { queueMs: entered - begun, startMs: ready - entered, handlerMs: now - ready, totalMs: now - begun };
    },
  };
}

/** The value of a Server-Timing header (W3C). */
export function serverTiming({ queueMs, startMs, handlerMs, totalMs }: PhaseTimes): string {
  return Object.entries({ queue: queueMs, start: startMs, handler: handlerMs, total: totalMs })
    .map(([name, ms]) => `${name};dur=${Math.max(ms, 0).toFixed(1)}`)
    .join(', ');
}
