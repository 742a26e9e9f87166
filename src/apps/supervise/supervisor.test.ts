import { describe, expect, it } from 'vitest';
import type { Instance } from '../../engines/engine.ts';
import type { InstanceExit } from '../../model/instance.ts';
import type { TimelineEvent } from '../../model/timeline.ts';
import type { Clock } from '../../observe/clock.ts';
import type { RestartPolicy } from './restart-decision.ts';
import { createSupervisor, type Supervisor, type SupervisorHands } from './supervisor.ts';

describe('a kept service', () => {
  it('CO-7 that ends is unpublished, started again after a pause, and published when it is ready', async () => {
    const stage = createStage();
    stage.keepFirst().end(1);
    await stage.seen('service.restarting');
    expect(stage.done).toEqual(['unpublish db']);
    stage.clock.advance(100);
    await stage.seen('service.started');
    expect(stage.done).toEqual(['unpublish db', 'start db', 'ready i2', 'publish i2']);
    expect(stage.supervisor.list('shop')).toEqual([
      { app: 'shop', service: 'db', state: 'running', instance: 'i2', restarts: 1 },
    ]);
  });

  it('that ends again and again waits longer each time and is called a crash loop once', async () => {
    const stage = createStage();
    stage.keepFirst().end(1);
    for (const afterMs of [100, 200, 400, 800, 1600, 3200]) {
      const { facts } = await stage.seen('service.restarting');
      expect(facts).toMatchObject({ afterMs });
      stage.clock.advance(afterMs);
      await stage.seen('service.started');
      stage.last().end(1);
    }
    await stage.seen('service.restarting');
    expect(stage.count('service.crash-loop')).toBe(1);
    expect(stage.supervisor.list()).toMatchObject([{ state: 'crash-loop', restarts: 6 }]);
  });

  it('whose start fails is tried again, and what was started in vain is stopped', async () => {
    const stage = createStage({ unreadyTimes: 1 });
    stage.keepFirst().end(1);
    await stage.seen('service.restarting');
    stage.clock.advance(100);
    await stage.seen('service.start-failed');
    await stage.seen('service.restarting');
    expect(stage.done).toEqual(['unpublish db', 'start db', 'ready i2', 'stop i2']);
    stage.clock.advance(200);
    await stage.seen('service.started');
    expect(stage.last().instance.handle.id).toBe('i3');
  });

  it('is given up where its policy says so', async () => {
    const stage = createStage({ policy: 'on-failure' });
    stage.keepFirst().end(0);
    await stage.seen('service.given-up');
    await stage.supervisor.close();
    expect(stage.supervisor.list()).toEqual([]);
    expect(stage.done).toEqual(['unpublish db']);
  });

  it('of an earlier daemon that ended unobserved is started again', async () => {
    const stage = createStage();
    const first = stage.make();
    first.end(137);
    stage.supervisor.keep('shop', 'db', first.instance);
    await stage.seen('service.restarting');
    stage.clock.advance(100);
    await stage.seen('service.started');
    expect(stage.supervisor.list()).toMatchObject([{ instance: 'i2', restarts: 1 }]);
  });

  it('that is released is not started again, and its instance is left alone', async () => {
    const stage = createStage();
    const first = stage.keepFirst();
    await stage.supervisor.release('shop', 'db', 'another');
    expect(stage.supervisor.list()).toHaveLength(1);
    await stage.supervisor.release('shop', 'db', first.instance.handle.id);
    first.end(1);
    expect([stage.supervisor.list(), stage.done, stage.events]).toEqual([[], [], []]);
  });

  it('that is released in its pause, or while it starts, leaves nothing behind', async () => {
    const paused = createStage();
    paused.keepFirst().end(1);
    await paused.seen('service.restarting');
    await paused.supervisor.release('shop', 'db');
    expect(paused.done).toEqual(['unpublish db']);

    const starting = createStage({ isEverReady: false });
    starting.keepFirst().end(1);
    await starting.seen('service.restarting');
    starting.clock.advance(100);
    await starting.waiting();
    await starting.supervisor.release('shop', 'db');
    expect(starting.done).toEqual(['unpublish db', 'start db', 'ready i2', 'stop i2']);
    expect(starting.count('service.start-failed')).toBe(0);
  });

  it('is not started while its app is held, and is afterwards', async () => {
    const stage = createStage();
    const first = stage.keepFirst();
    const resume = await stage.supervisor.hold('shop');
    first.end(1);
    await stage.seen('service.restarting');
    stage.clock.advance(100);
    await stage.supervisor.hold('shop').then((again) => again());
    expect(stage.done).toEqual(['unpublish db']);
    resume();
    await stage.seen('service.started');
  });

  it('that is no longer part of its app is let go of', async () => {
    const stage = createStage({ policy: undefined });
    stage.keepFirst().end(1);
    await stage.seen('service.ended');
    await stage.supervisor.close();
    expect(stage.done).toEqual(['unpublish db']);
    expect(stage.count('service.restarting')).toBe(0);
  });

  it('that a deploy replaced while it waited is not started a second time', async () => {
    const stage = createStage();
    stage.keepFirst().end(1);
    await stage.seen('service.restarting');
    const replacement = stage.make();
    stage.supervisor.keep('shop', 'db', replacement.instance);
    stage.clock.advance(100);
    replacement.end(1);
    await stage.seen('service.restarting');
    expect(stage.done).toEqual(['unpublish db', 'unpublish db']);
    expect(stage.supervisor.list()).toMatchObject([{ state: 'restarting', restarts: 0 }]);
  });
});

interface Made {
  readonly instance: Instance;
  end(code: number): void;
}

interface Stage {
  readonly supervisor: Supervisor;
  readonly clock: ManualClock;
  readonly events: TimelineEvent[];
  /** What the hands were asked, in order. */
  readonly done: string[];
  make(): Made;
  keepFirst(): Made;
  last(): Made;
  count(kind: string): number;
  /** The next event of the kind, each given once. */
  seen(kind: string): Promise<TimelineEvent>;
  /** Resolves when a start waits to be ready. */
  waiting(): Promise<void>;
}

function createStage(
  script: {
    readonly policy?: RestartPolicy | undefined;
    readonly unreadyTimes?: number;
    readonly isEverReady?: boolean;
  } = {},
): Stage {
  const { policy = 'policy' in script ? undefined : 'always', unreadyTimes = 0, isEverReady = true } = script;
  const clock = createManualClock();
  const made: Made[] = [];
  const done: string[] = [];
  const events: TimelineEvent[] = [];
  const taken = new Map<string, number>();
  const listeners = new Set<() => void>();
  const isWaiting = Promise.withResolvers<void>();
  let unready = unreadyTimes;
  const make = (): Made => {
    const exited = Promise.withResolvers<InstanceExit>();
    const id = `i${made.length + 1}`;
    const instance = runningInstance(id, clock.now(), exited.promise);
    const one: Made = { instance, end: (code) => exited.resolve({ code, cause: 'exited', at: clock.now() }) };
    made.push(one);
    return one;
  };
  const hands: SupervisorHands = {
    restartPolicy: () => policy,
    start: async (_, service) => {
      done.push(`start ${service}`);
      return make().instance;
    },
    waitReady: async (_app, _service, { handle }, signal) => {
      done.push(`ready ${handle.id}`);
      isWaiting.resolve();
      if (!isEverReady) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      unready -= 1;
      if (unready >= 0) throw new Error('it did not become ready');
    },
    publish: async (_app, _service, { handle }) => void done.push(`publish ${handle.id}`),
    unpublish: async (_, service) => void done.push(`unpublish ${service}`),
    stop: async (_app, _service, { handle }) => void done.push(`stop ${handle.id}`),
  };
  const record = (event: TimelineEvent): void => {
    events.push(event);
    for (const listener of listeners) listener();
  };
  const supervisor = createSupervisor({ hands, clock, record });
  return {
    supervisor,
    clock,
    events,
    done,
    make,
    keepFirst: () => {
      const first = make();
      supervisor.keep('shop', 'db', first.instance);
      return first;
    },
    last: () => made.at(-1)!,
    count: (kind) => events.filter((event) => event.kind === kind).length,
    seen: (kind) =>
      new Promise((resolve) => {
        const index = taken.get(kind) ?? 0;
        taken.set(kind, index + 1);
        const look = (): void => {
          const found = events.filter((event) => event.kind === kind)[index];
          if (found === undefined) return;
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        look();
      }),
    waiting: () => isWaiting.promise,
  };
}

const runningInstance = (id: string, startedAt: number, exited: Promise<InstanceExit>): Instance => ({
  handle: { version: 1, engine: 'fake', id },
  spec: {
    id,
    app: 'shop',
    name: 'db',
    kind: 'service',
    labels: {},
    limits: { memoryBytes: 0, pids: 1, cpus: 0 },
    imageId: 'x',
  },
  address: '10.0.0.2',
  startedAt,
  exited,
});

interface ManualClock extends Clock {
  advance(ms: number): void;
}

/** Time that passes when the test says so. */
function createManualClock(): ManualClock {
  let now = 0;
  const sleepers = new Set<{ readonly until: number; readonly wake: () => void }>();
  return {
    now: () => now,
    elapsed: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { until: now + ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          reject(signal.reason);
        });
      }),
    advance: (ms) => {
      now += ms;
      for (const sleeper of sleepers) {
        if (sleeper.until > now) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    },
  };
}
