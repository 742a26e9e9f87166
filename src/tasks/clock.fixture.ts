import type { Clock } from '../observe/clock.ts';

/** A clock that a test moves by hand; whoever sleeps until a moment that has come wakes in order. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
  /** Resolves once somebody sleeps until that far from now, or sleeps so already. */
  sleeper(ms: number): Promise<void>;
}

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

export function createManualClock(start = 1_000_000): ManualClock {
  let now = start;
  const sleepers = new Set<Sleeper>();
  const watchers = new Set<() => void>();
  const sleeps = (until: number): boolean => [...sleepers].some((sleeper) => sleeper.until === until);

  return {
    now: () => now,
    elapsed: () => now,
    sleep: async (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const sleeper = { until: now + ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          reject(signal.reason as Error);
        });
        for (const watcher of watchers) watcher();
      }),
    advance: (ms) => {
      now += ms;
      for (const sleeper of [...sleepers].toSorted((a, b) => a.until - b.until)) {
        if (sleeper.until > now) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    },
    sleeper: async (ms) =>
      new Promise((resolve) => {
        const until = now + ms;
        const look = (): void => {
          if (!sleeps(until)) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      }),
  };
}
