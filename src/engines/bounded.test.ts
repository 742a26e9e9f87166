import { describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../observe/clock.ts';
import { createLog, silentLog } from '../observe/log.ts';
import { createBoundedEngine, type BoundedOptions, type EngineCall } from './bounded.ts';
import type { Engine, Instance } from './engine.ts';
import { createFakeEngine, fakeSpec, type FakeScript } from './fake/index.ts';

const timersOf = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

function bounded(overrides: { engine?: Partial<Engine>; script?: FakeScript } & Partial<BoundedOptions> = {}) {
  const calls: EngineCall[] = [];
  const fake = createFakeEngine({ script: overrides.script ?? {} });
  const engine = createBoundedEngine(
    { ...fake, ...overrides.engine },
    { clock: systemClock, log: silentLog, measure: (call) => calls.push(call), ...overrides },
  );
  return { engine, fake, calls };
}

/** A start that ignores its signal and ends when the test says so. */
function lateStart(script: FakeScript = { name: { runMs: Infinity } }) {
  const fake = createFakeEngine({ script });
  const arrival = Promise.withResolvers<Instance>();
  const removed = Promise.withResolvers<string>();
  const engine: Partial<Engine> = {
    start: () => arrival.promise,
    stop: (id, graceMs) => fake.stop(id, graceMs),
    remove: async (id) => {
      await fake.remove(id);
      removed.resolve(id);
    },
  };
  return {
    engine,
    fake,
    arrive: async () => arrival.resolve(await fake.start(fakeSpec({ streams: 'logs' }))),
    removed: removed.promise,
  };
}

describe('a bounded engine', () => {
  it('passes results through and measures them', async () => {
    const { engine, calls } = bounded({ script: { name: { exitCode: 3 } } });
    const instance = await engine.start(fakeSpec());
    expect(await instance.exited).toMatchObject({ code: 3 });
    expect(calls).toEqual([{ operation: 'start', ms: expect.any(Number), outcome: 'ok' }]);
  });

  it('passes failures through as they are', async () => {
    const { engine, calls } = bounded({ script: { name: { failStart: 'broken' } } });
    await expect(engine.start(fakeSpec())).rejects.toMatchObject({ code: 'INSTANCE_START_FAILED' });
    expect(calls).toMatchObject([{ operation: 'start', outcome: 'failed' }]);
  });

  it('gives a start its time and no more', async () => {
    const { engine, calls } = bounded({ script: { name: { startMs: Infinity } }, limits: { startMs: 5 } });
    await expect(engine.start(fakeSpec())).rejects.toMatchObject({
      code: 'INSTANCE_START_TIMEOUT',
      facts: { name: 'name', seconds: 0.005 },
    });
    expect(calls).toMatchObject([{ operation: 'start', outcome: 'timed-out' }]);
  });

  it('ends an instance that starts after its time was over', async () => {
    const late = lateStart();
    const { engine } = bounded({ engine: late.engine, limits: { startMs: 5 } });
    await expect(engine.start(fakeSpec())).rejects.toMatchObject({ code: 'INSTANCE_START_TIMEOUT' });
    await late.arrive();
    expect(await late.fake.inspect(await late.removed)).toBeUndefined();
  });

  it('rejects at once on abort, with its reason, though the engine does not listen', async () => {
    const late = lateStart();
    const { engine, calls } = bounded({ engine: late.engine });
    const giveUp = new AbortController();
    const starting = engine.start(fakeSpec(), giveUp.signal);
    giveUp.abort(new Error('the caller is gone'));
    await expect(starting).rejects.toThrow('the caller is gone');
    expect(calls).toMatchObject([{ outcome: 'aborted' }]);
    await late.arrive();
    expect(await late.fake.inspect(await late.removed)).toBeUndefined();
  });

  it('does not begin for a caller who has given up already', async () => {
    let isCalled = false;
    const start = async (): Promise<Instance> => {
      isCalled = true;
      return never();
    };
    const { engine } = bounded({ engine: { start } });
    await expect(engine.start(fakeSpec(), AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    expect(isCalled).toBe(false);
  });

  it('counts the grace of a stop on top of its limit', async () => {
    const asked: number[] = [];
    const clock: Clock = { ...systemClock, sleep: async (ms) => void asked.push(ms) };
    const { engine } = bounded({ engine: { stop: never }, clock, limits: { stopMs: 1000 } });
    await expect(engine.stop('id', 5000)).rejects.toMatchObject({ code: 'TIMEOUT', facts: { seconds: 6 } });
    expect(asked).toEqual([6000]);
  });

  it('logs a failure with what it was about', async () => {
    const lines: string[] = [];
    const { engine } = bounded({
      script: { name: { failStart: 'broken' } },
      log: createLog((line) => lines.push(line)),
    });
    const spec = fakeSpec();
    await expect(engine.start(spec)).rejects.toThrow('broken');
    expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
      { level: 'warn', operation: 'start', app: 'app', name: 'name', instance: spec.id, outcome: 'failed' },
    ]);
  });

  it('lets go of its timers, so that a program can end', async () => {
    const { engine } = bounded();
    const before = timersOf();
    await engine.inspect('nobody');
    expect(timersOf()).toBe(before);
  });
});
