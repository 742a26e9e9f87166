import { describe, expect, it } from 'vitest';
import type { Instance } from '../../engines/engine.ts';
import type { InstanceExit } from '../../model/instance.ts';
import type { TimelineEvent } from '../../model/timeline.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Outcome } from '../../model/service-end.ts';
import type { ServicePlace } from '../../model/service-place.ts';
import type { Check, HealthRules } from '../../model/health-decision.ts';
import type { RestartPolicy } from '../../model/restart-decision.ts';
import { createSupervisor, type ServicePolicy, type Supervisor, type SupervisorHands } from './supervisor.ts';

describe('a kept service', () => {
  it('CO-7 is published when it is ready, and started again by its policy when it ends', async () => {
    const stage = createStage();
    const first = stage.keepFirst();
    await stage.until('ready');
    expect(stage.done).toEqual(['ready i1', 'publish i1']);
    first.end(1);
    await stage.seen('service.restarting');
    expect(stage.done.splice(0)).toEqual(['ready i1', 'publish i1', 'unpublish i1']);
    stage.clock.advance(100);
    await stage.seen('service.started');
    expect(stage.done).toEqual(['start db', 'ready i2', 'publish i2']);
    expect(stage.supervisor.list('shop')).toMatchObject([
      { app: 'shop', service: 'db', state: 'running', instance: 'i2', restarts: 1, lastEnd: { code: 1 } },
    ]);
  });

  it('that ends again and again waits longer each time, and is called a crash loop until it has run well', async () => {
    const stage = createStage();
    stage.keepFirst();
    for (const afterMs of [100, 200, 400, 800, 1600, 3200]) {
      await stage.until('ready');
      stage.last().end(1);
      const { facts } = await stage.seen('service.restarting');
      expect(facts).toMatchObject({ afterMs });
      stage.clock.advance(afterMs);
      await stage.seen('service.started');
    }
    const loop = stage.events.find(({ kind }) => kind === 'service.crash-loop');
    expect(stage.count('service.crash-loop')).toBe(1);
    expect(loop?.facts).toMatchObject({ quickEnds: 5, error: { code: 'CRASH_LOOP' } });
    expect(stage.supervisor.list()).toMatchObject([{ state: 'crash-loop', instance: 'i7', restarts: 6 }]);
    stage.clock.advance(10_000);
    expect(stage.supervisor.list()).toMatchObject([{ state: 'running' }]);
    stage.last().end(1);
    expect((await stage.seen('service.restarting')).facts).toMatchObject({ afterMs: 100, quickEnds: 1 });
  });

  it('that does not become ready is ended and tried again', async () => {
    const stage = createStage({ unreadyTimes: 1 });
    stage.keepFirst();
    await stage.seen('service.start-failed');
    await stage.seen('service.restarting');
    expect(stage.done).toEqual(['ready i1', 'unpublish i1', 'stop i1']);
    stage.clock.advance(100);
    await stage.seen('service.started');
    expect(stage.last().instance.handle.id).toBe('i2');
  });

  it('that does not become ready is left alone where it is not to be restarted', async () => {
    const stage = createStage({ unreadyTimes: 1, policy: { condition: 'no' } });
    stage.keepFirst();
    await stage.seen('service.start-failed');
    await stage.until('ready');
    expect(stage.done).toEqual(['ready i1', 'ready i1', 'publish i1']);
  });

  it('whose start fails is tried again', async () => {
    const stage = createStage({ failingStarts: 1 });
    stage.keepFirst().end(1);
    await stage.seen('service.restarting');
    stage.clock.advance(100);
    await stage.seen('service.start-failed');
    expect((await stage.seen('service.restarting')).facts).toMatchObject({ afterMs: 200 });
    stage.clock.advance(200);
    await stage.seen('service.started');
  });

  it.each([
    [0, 'completed', 'completed'],
    [3, 'given-up', 'policy'],
  ])('with exit code %i and nothing that starts it again is %s', async (code, state, why) => {
    const stage = createStage({ policy: { condition: 'no' } });
    stage.keepFirst().end(code);
    expect((await stage.seen(`service.${state}`)).facts).toMatchObject({ exitCode: code, why });
    await expect.poll(() => stage.supervisor.list()).toMatchObject([{ state, restarts: 0, lastEnd: { code } }]);
    expect(stage.outcomes).toMatchObject([{ state, code, last: 'i1' }]);
  });

  it('is given up after as many restarts as its policy allows', async () => {
    const stage = createStage({ policy: { condition: 'on-failure', bounds: { maxAttempts: 2 } } });
    stage.keepFirst();
    const waiting = stage.until('completed');
    for (const afterMs of [100, 200]) {
      stage.last().end(3);
      await stage.seen('service.restarting');
      stage.clock.advance(afterMs);
      await stage.seen('service.started');
    }
    stage.last().end(3);
    await expect(waiting).rejects.toThrow(
      'Cannot start "db": it ended with exit code 3, also after 2 restarts: last words',
    );
    expect(stage.outcomes).toMatchObject([{ state: 'given-up', code: 3, restarts: 2 }]);
  });

  it('of an earlier daemon that ended unobserved is started again', async () => {
    const stage = createStage();
    const first = stage.make();
    first.end(137);
    stage.supervisor.keep(db, first.instance);
    await stage.seen('service.restarting');
    stage.clock.advance(100);
    await stage.seen('service.started');
    expect(stage.supervisor.list()).toMatchObject([{ instance: 'i2', restarts: 1 }]);
  });

  it('that is released is not started again, and its instance is left alone', async () => {
    const stage = createStage();
    const first = stage.keepFirst();
    await stage.until('ready');
    await stage.supervisor.release(db, 'another');
    expect(stage.supervisor.list()).toHaveLength(1);
    await stage.supervisor.release(db, first.instance.handle.id);
    first.end(1);
    expect([stage.supervisor.list(), stage.done, stage.events]).toEqual([[], ['ready i1', 'publish i1'], []]);
  });

  it('that is released in its pause is not started again', async () => {
    const stage = createStage();
    stage.keepFirst().end(1);
    await stage.seen('service.restarting');
    await stage.supervisor.release(db);
    stage.clock.advance(100);
    expect(stage.done.includes('start db')).toBe(false);
  });

  it('is not started while its app is held, and is afterwards, or once the holder has dealt with it', async () => {
    for (const letGo of [
      (_: Stage, resume: () => void) => resume(),
      (stage: Stage) => stage.supervisor.keep(db, stage.make().instance),
    ]) {
      const stage = createStage();
      const first = stage.keepFirst();
      await stage.until('ready');
      const resume = await stage.supervisor.hold('shop');
      first.end(1);
      await stage.seen('service.restarting');
      stage.clock.advance(100);
      await stage.supervisor.hold('shop').then((again) => again());
      expect(stage.done.includes('start db')).toBe(false);
      letGo(stage, resume);
      await stage.until('ready');
      expect(stage.supervisor.list()).toMatchObject([{ state: 'running', instance: 'i2' }]);
      if (stage.done.includes('start db')) continue;
      stage.last().end(1);
      await stage.seen('service.restarting');
      stage.clock.advance(100);
      await stage.seen('service.started');
      resume();
    }
  });

  it('that is no longer part of its app is let go of', async () => {
    const stage = createStage({ policy: undefined });
    stage.keepFirst().end(1);
    await stage.seen('service.ended');
    stage.supervisor.renew('shop');
    await stage.supervisor.close();
    expect([stage.supervisor.list(), stage.count('service.restarting')]).toEqual([[], 0]);
  });

  it('that a deploy replaced while it waited is not started a second time', async () => {
    const stage = createStage();
    stage.keepFirst().end(1);
    await stage.seen('service.restarting');
    const replacement = stage.make();
    stage.supervisor.keep(db, replacement.instance);
    stage.clock.advance(100);
    replacement.end(1);
    await stage.seen('service.restarting');
    expect(stage.done.includes('start db')).toBe(false);
    expect(stage.supervisor.list()).toMatchObject([{ state: 'restarting', restarts: 0 }]);
  });
});

describe('a service in several places', () => {
  it('has lives, pauses and ends of its own in each, and the others are not touched', async () => {
    const stage = createStage();
    const [, second] = stage.keepAll(3);
    await stage.until('ready');
    stage.done.splice(0);
    second?.end(1);
    await stage.seen('service.restarting');
    expect(stage.supervisor.list().map(({ replica, state }) => [replica, state])).toEqual([
      [1, 'running'],
      [2, 'restarting'],
      [3, 'running'],
    ]);
    stage.clock.advance(100);
    await stage.seen('service.started');
    expect(stage.done).toEqual(['unpublish i2', 'start db.2', 'ready i4', 'publish i4']);
    expect(stage.supervisor.list().map(({ replica, instance, restarts }) => [replica, instance, restarts])).toEqual([
      [1, 'i1', 0],
      [2, 'i4', 1],
      [3, 'i3', 0],
    ]);
  });

  it('is waited for in all of them, and the wait ends with the first for which it is in vain', async () => {
    const stage = createStage({ policy: { condition: 'no' } });
    const [first, second] = stage.keepAll(2);
    const completed = stage.until('completed');
    first?.end(0);
    await stage.seen('service.completed');
    second?.end(3);
    await expect(completed).rejects.toThrow('Cannot start "db": it ended with exit code 3: last words');
    expect(stage.outcomes).toMatchObject([
      { state: 'completed', last: 'i1' },
      { state: 'given-up', last: 'i2' },
    ]);
  });

  it('is held in each until its holder has dealt with that one', async () => {
    const stage = createStage();
    const all = stage.keepAll(2);
    await stage.until('ready');
    const resume = await stage.supervisor.hold('shop');
    for (const one of all) {
      one.end(1);
      await stage.seen('service.restarting');
    }
    stage.clock.advance(100);
    stage.supervisor.resume({ ...db, replica: 2 });
    await stage.seen('service.started');
    expect(stage.done.filter((text) => text.startsWith('start'))).toEqual(['start db.2']);
    resume();
    await stage.seen('service.started');
    expect(stage.done.filter((text) => text.startsWith('start'))).toEqual(['start db.2', 'start db']);
  });
});

describe('a wait for a kept service', () => {
  it('ends well across lives', async () => {
    const stage = createStage({ isEverReady: false });
    stage.keepFirst();
    const waiting = stage.until('ready');
    await stage.waiting();
    stage.last().end(1);
    await stage.seen('service.restarting');
    stage.allowReady();
    stage.clock.advance(100);
    await expect(waiting).resolves.toBeUndefined();
  });

  it('does not last for ever in a crash loop', async () => {
    const stage = createStage({ isEverReady: false });
    stage.keepFirst().end(1);
    const waiting = stage.until('started');
    waiting.catch(() => undefined);
    for (const afterMs of [100, 200, 400, 800]) {
      await stage.seen('service.restarting');
      stage.clock.advance(afterMs);
      await stage.started();
      stage.last().end(1);
    }
    await expect(waiting).rejects.toMatchObject({
      code: 'CRASH_LOOP',
      message:
        '"db" is in a crash loop: it ended 5 times in a row soon after its start; it ended with exit code 1: last words',
    });
  });

  it('for its end is met by a good one, also when nobody looked', async () => {
    const stage = createStage({ policy: { condition: 'no' } });
    stage.keepFirst();
    const waiting = stage.until('completed');
    stage.last().end(0);
    await waiting;
    const outcome: Outcome = { state: 'completed', code: 0, cause: 'exited', restarts: 0, at: 1 };
    stage.supervisor.recall({ ...db, service: 'job' }, outcome);
    await expect(stage.supervisor.until('shop', 'job', 'completed')).resolves.toBeUndefined();
    await expect(stage.supervisor.until('shop', 'none', 'ready')).rejects.toMatchObject({ code: 'NO_INSTANCE' });
  });

  it('ends when the service is let go of, and on abort', async () => {
    const stage = createStage({ isEverReady: false });
    stage.keepFirst();
    const abort = new AbortController();
    const aborted = stage.supervisor.until('shop', 'db', 'ready', abort.signal);
    abort.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    const released = stage.until('ready');
    await stage.supervisor.release(db);
    await expect(released).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('the health of a kept service', () => {
  it('decides when it is published, and it has been started before', async () => {
    const stage = createStage({ health: rules, checks: ['bad', 'bad', 'good'] });
    stage.keepFirst();
    await stage.until('started');
    expect(stage.supervisor.list()).toMatchObject([{ state: 'starting', health: { state: 'starting' } }]);
    await stage.checked(1);
    stage.clock.advance(250);
    await stage.checked(2);
    expect(stage.done).toEqual([]);
    stage.clock.advance(500);
    await stage.until('ready');
    expect(stage.done).toEqual(['publish i1']);
    expect((await stage.seen('service.healthy')).facts).toEqual({ failures: 0, exitCode: 0, output: 'good' });
    expect(stage.supervisor.list()).toMatchObject([{ state: 'running', health: { last: { output: 'good' } } }]);
  });

  it('that is bad takes its traffic away and has it replaced by its policy', async () => {
    const stage = createStage({ health: rules, checks: ['good', 'bad', 'bad', 'good'] });
    stage.keepFirst();
    await stage.until('ready');
    for (const count of [1, 2]) {
      await stage.checked(count);
      stage.clock.advance(1000);
    }
    expect((await stage.seen('service.unhealthy')).facts).toEqual({ failures: 2, exitCode: 1, output: 'bad' });
    expect((await stage.seen('service.ended')).facts).toMatchObject({ cause: 'unhealthy' });
    await stage.seen('service.restarting');
    expect(stage.done.splice(0)).toEqual(['publish i1', 'unpublish i1', 'stop i1']);
    stage.clock.advance(100);
    await stage.until('ready');
    expect(stage.done).toEqual(['start db', 'publish i2']);
  });

  it('that is bad costs it its traffic alone where it is not to be restarted, until it is good again', async () => {
    const stage = createStage({
      health: { ...rules, retries: 1 },
      checks: ['good', 'bad', 'good'],
      policy: { condition: 'no' },
    });
    stage.keepFirst();
    await stage.until('ready');
    stage.clock.advance(1000);
    await stage.seen('service.unhealthy');
    await stage.checked(2);
    expect(stage.supervisor.list()).toMatchObject([{ state: 'unhealthy', instance: 'i1' }]);
    stage.clock.advance(1000);
    await stage.until('ready');
    expect(stage.done).toEqual(['publish i1', 'unpublish i1', 'publish i1']);
  });

  it('that is bad ends the wait for it, with what it said', async () => {
    const stage = createStage({ health: { ...rules, intervalMs: 10, retries: 1 }, checks: ['bad', 'bad'] });
    stage.keepFirst();
    const waiting = stage.until('ready');
    waiting.catch(() => undefined);
    await stage.checked(1);
    stage.clock.advance(10);
    await expect(waiting).rejects.toMatchObject({ code: 'INSTANCE_UNHEALTHY', hint: 'It said last: bad' });
  });

  it('is not that of checks which could not be carried out', async () => {
    const stage = createStage({ health: rules, checks: ['none', 'none', 'good'] });
    stage.keepFirst();
    await stage.checked(1);
    stage.clock.advance(5000);
    await stage.checked(2);
    expect(stage.supervisor.list()).toMatchObject([{ health: { state: 'starting', failures: 0 } }]);
    stage.clock.advance(5000);
    await stage.until('ready');
  });

  it('is checked by new rules as soon as they are there', async () => {
    const stage = createStage({ health: { ...rules, intervalMs: 1e9 }, checks: ['good', 'bad'] });
    stage.keepFirst();
    await stage.until('ready');
    stage.supervisor.renew('shop');
    expect(stage.checkCount()).toBe(1);
    stage.setHealth({ ...rules, retries: 1 });
    stage.supervisor.renew('shop');
    await stage.checked(2);
    expect(stage.done).toEqual(['publish i1']);
    stage.setHealth(undefined);
    stage.supervisor.renew('shop');
    await expect.poll(() => stage.supervisor.list()[0]?.health).toBeUndefined();
  });
});

const db: ServicePlace = { app: 'shop', service: 'db', replica: 1 };

/** As a step of the stage names it: `db`, `db.2`. */
const nameOf = ({ service, replica }: ServicePlace): string => (replica === 1 ? service : `${service}.${replica}`);

const rules: HealthRules = {
  test: ['check'],
  intervalMs: 1000,
  timeoutMs: 100,
  retries: 2,
  startPeriodMs: 0,
  startIntervalMs: 1000,
};

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
  readonly outcomes: (Outcome & { readonly last: string | undefined })[];
  make(place?: ServicePlace): Made;
  /** In so many places of one service. */
  keepAll(count: number): readonly Made[];
  keepFirst(): Made;
  last(): Made;
  until(wish: 'started' | 'ready' | 'completed'): Promise<void>;
  count(kind: string): number;
  /** The next event of the kind, each given once. */
  seen(kind: string): Promise<TimelineEvent>;
  /** Resolves when a start waits to be ready. */
  waiting(): Promise<void>;
  /** Resolves with the next start, each once. */
  started(): Promise<void>;
  allowReady(): void;
  /** Resolves when so many checks have been carried out, and the next is slept for. */
  checked(count: number): Promise<void>;
  checkCount(): number;
  setHealth(health: HealthRules | undefined): void;
}

interface Script {
  readonly policy?: RestartPolicy | undefined;
  readonly unreadyTimes?: number;
  readonly failingStarts?: number;
  readonly isEverReady?: boolean;
  readonly health?: HealthRules;
  readonly checks?: readonly ('good' | 'bad' | 'none')[];
}

function createStage(script: Script = {}): Stage {
  const policy = 'policy' in script ? script.policy : ({ condition: 'always' } as const);
  let { isEverReady = true, unreadyTimes = 0, failingStarts = 0, health } = script;
  const clock = createManualClock();
  const made: Made[] = [];
  const done: string[] = [];
  const events: TimelineEvent[] = [];
  const outcomes: Stage['outcomes'] = [];
  const taken = new Map<string, number>();
  const listeners = new Set<() => void>();
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  /** Resolves when `find` finds something; looked at whenever something happens. */
  const when = <T>(find: () => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        listeners.delete(look);
        resolve(found);
      };
      listeners.add(look);
      look();
    });
  const isWaiting = Promise.withResolvers<void>();
  let checks = 0;
  let awaitedStarts = 0;
  const make = (place: ServicePlace = db): Made => {
    const exited = Promise.withResolvers<InstanceExit>();
    const id = `i${made.length + 1}`;
    const instance = runningInstance(place, id, clock.now(), exited.promise);
    const one: Made = { instance, end: (code) => exited.resolve({ code, cause: 'exited', at: clock.now() }) };
    made.push(one);
    changed();
    return one;
  };
  const hands: SupervisorHands = {
    policyOf: (): ServicePolicy | undefined =>
      policy === undefined ? undefined : { restart: policy, ...(health === undefined ? {} : { health }) },
    start: async (place) => {
      failingStarts -= 1;
      if (failingStarts >= 0) throw new Error('no luck');
      done.push(`start ${nameOf(place)}`);
      return make(place).instance;
    },
    waitReady: async ({ handle }, signal) => {
      done.push(`ready ${handle.id}`);
      isWaiting.resolve();
      if (!isEverReady) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      unreadyTimes -= 1;
      if (unreadyTimes >= 0) throw new Error('it did not become ready');
    },
    publish: async ({ handle }) => void done.push(`publish ${handle.id}`),
    unpublish: async ({ handle }) => void done.push(`unpublish ${handle.id}`),
    stop: async ({ handle }) => void done.push(`stop ${handle.id}`),
    check: async (): Promise<Check | undefined> => {
      const said = script.checks?.[checks] ?? 'good';
      checks += 1;
      return said === 'none'
        ? undefined
        : { code: said === 'good' ? 0 : 1, isLate: false, output: said, at: clock.now() };
    },
    lastLines: async () => ['last words'],
    settled: async (_, outcome, last) => {
      outcomes.push({ ...outcome, last: last?.handle.id });
    },
  };
  const record = (event: TimelineEvent): void => {
    events.push(event);
    changed();
  };
  const supervisor = createSupervisor({ hands, clock, record });
  clock.onSleep(changed);
  return {
    supervisor,
    clock,
    events,
    done,
    outcomes,
    make,
    keepFirst: () => {
      const first = make();
      supervisor.keep(db, first.instance);
      return first;
    },
    keepAll: (count) =>
      Array.from({ length: count }, (_, index) => {
        const place = { ...db, replica: index + 1 };
        const one = make(place);
        supervisor.keep(place, one.instance);
        return one;
      }),
    last: () => made.at(-1)!,
    until: async (wish) => await supervisor.until('shop', 'db', wish),
    count: (kind) => events.filter((event) => event.kind === kind).length,
    seen: (kind) => {
      const index = taken.get(kind) ?? 0;
      taken.set(kind, index + 1);
      return when(() => events.filter((event) => event.kind === kind)[index]);
    },
    waiting: () => isWaiting.promise,
    started: async () => {
      awaitedStarts += 1;
      const wanted = awaitedStarts;
      await when(() => (done.filter((text) => text === 'start db').length >= wanted ? true : undefined));
    },
    allowReady: () => {
      isEverReady = true;
    },
    checked: async (count) => {
      await when(() => (checks >= count && clock.sleeping() > 0 ? true : undefined));
    },
    checkCount: () => checks,
    setHealth: (next) => {
      health = next;
    },
  };
}

const runningInstance = (
  { app, service: name }: ServicePlace,
  id: string,
  startedAt: number,
  exited: Promise<InstanceExit>,
): Instance => ({
  handle: { version: 1, engine: 'fake', id },
  spec: {
    id,
    app,
    name,
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
  sleeping(): number;
  onSleep(listener: () => void): void;
}

/** Time that passes when the test says so. */
function createManualClock(): ManualClock {
  let now = 0;
  const sleepers = new Set<{ readonly until: number; readonly wake: () => void }>();
  let onSleep = (): void => undefined;
  return {
    sleeping: () => sleepers.size,
    onSleep: (listener) => {
      onSleep = listener;
    },
    now: () => now,
    elapsed: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { until: now + ms, wake: resolve };
        sleepers.add(sleeper);
        onSleep();
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
