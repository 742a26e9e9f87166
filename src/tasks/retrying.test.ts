import { describe, expect, it, onTestFinished } from 'vitest';
import type { Script } from './launcher.fixture.ts';
import { pauseMs } from './retrying.ts';
import { createBench, type Bench } from './tasks.fixture.ts';

const work = { app: 'shop', target: { function: 'work' } } as const;
const retries = { max: 2, firstMs: 1000, longestMs: 60_000 };

async function begin(script: Script = {}): Promise<Bench> {
  const bench = await createBench(script, { random: () => 1 });
  onTestFinished(async () => bench.dispose());
  await bench.tasks.recover();
  return bench;
}

describe('a run that may be tried again', () => {
  it('goes back to the queue when an attempt fails, and begins again when its pause is over', async () => {
    const { tasks, next, clock, store, launcher } = await begin();
    const { id } = await tasks.submit({ ...work, retries });
    const first = await next();
    first.write('stderr', 'no luck\n');
    first.exit(3);
    await clock.sleeper(1000);
    const waiting = await store.runs.get(id);
    expect(waiting).toMatchObject({ state: 'queued', attempts: 1, notBefore: clock.now() + 1000 });
    expect(waiting?.failures).toMatchObject([{ attempt: 1, exitCode: 3, error: { code: 'RUN_FAILED' } }]);
    expect(launcher.living()).toEqual([]);
    clock.advance(1000);
    const second = await next();
    expect(second.attempt).toBe(2);
    second.write('stderr', 'better\n');
    second.exit(0);
    expect(await tasks.wait(id)).toMatchObject({ state: 'succeeded', attempts: 2, exitCode: 0 });
    expect(await textOf(tasks.logs(id))).toBe('better\n');
    expect(await textOf(tasks.logs(id, { attempt: 1 }))).toBe('no luck\n');
    expect(await textOf(tasks.logs(id, { attempt: 2 }))).toBe('better\n');
    await expect(textOf(tasks.logs(id, { attempt: 3 }))).rejects.toMatchObject({ code: 'BAD_REQUEST' });
    await tasks.remove(id);
    expect(launcher.removed).toEqual(new Set([first.run.instance, second.run.instance]));
  });

  it('is dead when its attempts are used up, with the pauses between them twice as long each time', async () => {
    const { tasks, next, clock, events } = await begin();
    const { id } = await tasks.submit({ ...work, retries });
    for (const pause of [1000, 2000]) {
      (await next()).exit(1);
      await clock.sleeper(pause);
      clock.advance(pause);
    }
    (await next()).exit(9);
    const dead = await tasks.wait(id);
    expect(dead).toMatchObject({ state: 'dead', attempts: 3, exitCode: 9, error: { code: 'RUN_FAILED' } });
    expect(dead.failures?.map(({ exitCode }) => exitCode)).toEqual([1, 1]);
    const kinds = events.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'run.retrying')).toHaveLength(2);
    expect(kinds.at(-1)).toBe('run.ended');
  });

  it('is dead rather than begun again after its greatest age', async () => {
    const { tasks, next } = await begin();
    const { id } = await tasks.submit({ ...work, retries, maxAgeMs: 1000 });
    (await next()).exit(1);
    expect(await tasks.wait(id)).toMatchObject({ state: 'dead', attempts: 1, exitCode: 1 });
  });

  it('is tried again after a time-out, and not after a cancel', async () => {
    const { tasks, next, clock } = await begin();
    const { id } = await tasks.submit({ ...work, retries, timeoutMs: 500 });
    await next();
    await clock.sleeper(500);
    clock.advance(500);
    await clock.sleeper(1000);
    expect((await tasks.get(id))?.failures).toMatchObject([{ error: { code: 'RUN_TIMED_OUT' } }]);
    expect(await tasks.cancel(id, 'enough')).toMatchObject({ state: 'cancelled', attempts: 1 });
    const other = await tasks.submit({ ...work, retries });
    await next();
    expect(await tasks.cancel(other.id, 'enough')).toMatchObject({ state: 'cancelled', attempts: 1 });
    expect((await tasks.get(other.id))?.failures).toBeUndefined();
  });

  it('loses no attempt when its instance is lost, and keeps its pause across a restart of the daemon', async () => {
    const bench = await begin();
    const { tasks, next, clock, restart } = bench;
    const { id } = await tasks.submit({ ...work, retries });
    (await next()).exit(137, 'lost');
    const again = await next();
    expect(again.attempt).toBe(1);
    again.exit(1);
    await clock.sleeper(1000);
    await restart();
    await bench.tasks.recover();
    await clock.sleeper(1000);
    clock.advance(999);
    expect((await bench.tasks.get(id))?.state).toBe('queued');
    clock.advance(1);
    (await next()).exit(0);
    expect(await bench.tasks.wait(id)).toMatchObject({ state: 'succeeded', attempts: 2 });
  });

  it('waits twice as long each time up to the longest pause, the second half of it by chance', () => {
    const pauses = (chance: number): number[] => [1, 2, 3, 7, 100].map((attempt) => pauseMs(attempt, retries, chance));
    expect(pauses(1)).toEqual([1000, 2000, 4000, 60_000, 60_000]);
    expect(pauses(0)).toEqual([500, 1000, 2000, 30_000, 30_000]);
  });
});

describe('a run that is not to begin yet', () => {
  it('begins when its time has come, and holds nobody up', async () => {
    const { tasks, next, clock } = await begin({ concurrency: () => 1 });
    const later = await tasks.submit({ ...work, notBefore: clock.now() + 5000 });
    const now = await tasks.submit(work);
    const first = await next();
    expect(first.run.id).toBe(now.id);
    first.exit(0);
    await tasks.wait(now.id);
    clock.advance(5000);
    const second = await next();
    expect(second.run.id).toBe(later.id);
    second.exit(0);
    expect(await tasks.wait(later.id)).toMatchObject({ state: 'succeeded' });
  });

  it('can be cancelled', async () => {
    const { tasks, clock, launcher } = await begin();
    const { id } = await tasks.submit({ ...work, notBefore: clock.now() + 5000 });
    expect(await tasks.cancel(id, 'enough')).toMatchObject({ state: 'cancelled' });
    clock.advance(5000);
    expect(await tasks.ledger()).toMatchObject({ accepted: 1, settled: 1, waiting: 0 });
    expect(launcher.launched).toEqual([]);
  });
});

it('a run that waits beyond its greatest age is dead, and says so', async () => {
  const { tasks, next, clock, events } = await begin({ concurrency: () => 1 });
  const first = await tasks.submit(work);
  const instance = await next();
  const { id } = await tasks.submit({ ...work, maxAgeMs: 60_000 });
  await clock.sleeper(5000);
  clock.advance(60_000);
  expect(await tasks.wait(id)).toMatchObject({ state: 'dead', attempts: 0, error: { code: 'RUN_EXPIRED' } });
  instance.exit(0);
  await tasks.wait(first.id);
  expect(events.filter(({ kind, run }) => kind === 'run.ended' && run === id)).toHaveLength(1);
});

describe('a settled run', () => {
  it('is done once more as a new run with the same input, once', async () => {
    const { tasks, next } = await begin();
    const { id } = await tasks.submit({ ...work, args: ['a'], input: Buffer.from('votes').toString('base64') });
    await expect(tasks.retry(id)).rejects.toMatchObject({ code: 'RUN_STATE' });
    (await next()).exit(1);
    await tasks.wait(id);
    const again = await tasks.retry(id);
    expect(again).toMatchObject({ retryOf: id, args: ['a'], attempts: 0 });
    expect((await tasks.retry(id)).id).toBe(again.id);
    const instance = await next();
    expect((await instance.input).toString()).toBe('votes');
    instance.exit(0);
    expect(await tasks.wait(again.id)).toMatchObject({ state: 'succeeded' });
    expect(await tasks.get(id)).toMatchObject({ state: 'failed', retriedAs: again.id });
    expect(await tasks.ledger()).toEqual({ accepted: 2, waiting: 0, inFlight: 0, settled: 2, dead: 0, removed: 0 });
  });
});

async function textOf(chunks: AsyncIterable<{ readonly bytes: Buffer }>): Promise<string> {
  const all: Buffer[] = [];
  for await (const { bytes } of chunks) all.push(bytes);
  return Buffer.concat(all).toString();
}
