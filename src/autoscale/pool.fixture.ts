import type { Id } from '../model/ids.ts';
import type { TimelineEvent } from '../model/timeline.ts';
import type { Clock } from '../observe/clock.ts';
import { createPool, type Pool } from './pool.ts';
import type { PooledInstance, PoolHands, PoolSettings } from './pool-hands.ts';

/** A pool whose instances do what a test says, when it says so, on a clock that a test moves. */
export interface PoolBench {
  readonly pool: Pool<ScriptedInstance>;
  readonly hands: PoolHands<ScriptedInstance>;
  /** All that were asked for, oldest first. */
  readonly starts: readonly ScriptedInstance[];
  readonly events: readonly TimelineEvent[];
  settings: PoolSettings;
  version: string | undefined;
  /** Moves the clock, and lets everything that comes of it happen. */
  advance(ms: number): Promise<void>;
  living(): readonly ScriptedInstance[];
}

export interface ScriptedInstance extends PooledInstance {
  readonly version: string | undefined;
  /** Its process exists from here on. */
  started(): Promise<void>;
  failStart(error: Error): Promise<void>;
  /** Takes requests from here on. */
  ready(): Promise<void>;
  failReady(error: Error): Promise<void>;
  die(): Promise<void>;
  isStopAsked: boolean;
  isGone: boolean;
}

export const defaultSettings: PoolSettings = { max: 3, concurrency: 2, idleMs: 1000, queueMax: 4, isAlone: false };

interface Scripted extends ScriptedInstance {
  end(): void;
  readonly begun: PromiseWithResolvers<void>;
  readonly up: PromiseWithResolvers<void>;
}

export function createPoolBench(settings: Partial<PoolSettings> = {}): PoolBench {
  const clock = createManualClock();
  const starts: Scripted[] = [];
  const events: TimelineEvent[] = [];
  const hands: PoolHands<Scripted> = {
    settings: () => bench.settings,
    version: () => bench.version,
    start: async (signal) => {
      const instance = scripted(`instance-${starts.length + 1}`, bench.version);
      starts.push(instance);
      await orAborted(instance.begun.promise, signal).catch((error: unknown) => {
        instance.isGone = true;
        throw error;
      });
      return instance;
    },
    waitReady: async ({ up }, signal) => await orAborted(up.promise, signal),
    stop: async (instance) => {
      instance.isStopAsked = true;
      instance.end();
    },
    clock,
    record: (event) => events.push(event),
  };
  const bench: PoolBench = {
    settings: { ...defaultSettings, ...settings },
    version: 'v1',
    hands,
    pool: createPool<Scripted>('shop', 'web', hands),
    starts,
    events,
    advance: async (ms) => {
      clock.advance(ms);
      await settle();
    },
    living: () => starts.filter(({ isGone }) => !isGone),
  };
  return bench;
}

/** One that a pool has not started itself. */
export function scripted(id: Id, version: string | undefined): Scripted {
  const exit = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const up = Promise.withResolvers<void>();
  for (const { promise } of [begun, up]) promise.catch(() => undefined);
  const end = (): void => {
    instance.isGone = true;
    for (const { reject } of [begun, up]) reject(new Error('it ended'));
    exit.resolve();
  };
  const instance: Scripted = {
    id,
    version,
    exited: exit.promise,
    begun,
    up,
    isStopAsked: false,
    isGone: false,
    started: async () => await after(() => begun.resolve()),
    failStart: async (error) => await after(() => begun.reject(error)),
    ready: async () => {
      begun.resolve();
      await after(() => up.resolve());
    },
    failReady: async (error) => {
      begun.resolve();
      await after(() => up.reject(error));
    },
    die: async () => {
      end();
      await settle();
    },
    end,
  };
  return instance;
}

async function after(act: () => void): Promise<void> {
  act();
  await settle();
}

/** Everything that needs no time has happened by then. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(signal.reason as Error);
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    promise.then(resolve, reject);
  });
}

interface ManualClock extends Clock {
  advance(ms: number): void;
}

function createManualClock(): ManualClock {
  let now = 1_000_000;
  const sleepers = new Set<{ readonly until: number; readonly wake: () => void }>();
  return {
    now: () => now,
    elapsed: () => now,
    sleep: async (ms, signal) =>
      await new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const sleeper = { until: now + ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          reject(signal.reason as Error);
        });
      }),
    advance: (ms) => {
      now += ms;
      for (const sleeper of [...sleepers].toSorted((a, b) => a.until - b.until)) {
        if (sleeper.until > now) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    },
  };
}
