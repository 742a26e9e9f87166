import { afterEach, describe, expect, it } from 'vitest';
import { MinkeError } from '../errors/index.ts';
import { newId } from '../model/ids.ts';
import type { Run } from '../model/run.ts';
import type { Script } from './launcher.fixture.ts';
import { createBench, type Bench } from './tasks.fixture.ts';
import type { TasksOptions } from './tasks.ts';

const work = { app: 'shop', target: { function: 'work' } } as const;

let bench: Bench;
afterEach(async () => bench.dispose());

/** Tasks that have recovered (from nothing). */
async function begin(script: Script = {}, options: Partial<TasksOptions> = {}): Promise<Bench> {
  bench = await createBench(script, options);
  await bench.tasks.recover();
  return bench;
}

async function settle(run: Run, code: number): Promise<Run> {
  (await bench.next()).exit(code);
  return bench.tasks.wait(run.id);
}

describe('a run', () => {
  it('DR-3 is durable when its id is answered, and can be asked for its state, exit code, log and result', async () => {
    const { tasks, store, next } = await begin();
    const run = await tasks.submit({ ...work, args: ['a', 'b'], env: { A: '1' }, parent: newId() });
    expect(await store.runs.get(run.id)).toMatchObject({ id: run.id, args: ['a', 'b'], env: { A: '1' } });
    const instance = await next();
    expect(instance.run).toMatchObject({ id: run.id, state: 'starting', attempts: 1 });
    instance.write('stdout', 'result\n');
    instance.write('stderr', 'log\n');
    instance.exit(0);
    expect(await tasks.wait(run.id)).toMatchObject({
      state: 'succeeded',
      exitCode: 0,
      instance: instance.run.instance,
    });
    expect(await textOf(tasks.logs(run.id))).toBe('result\nlog\n');
    expect(await textOf(tasks.logs(run.id, { streams: ['stderr'] }))).toBe('log\n');
    expect(await textOfResult(tasks.result(run.id))).toBe('result\n');
    expect(await tasks.find(run.id.slice(0, 10))).toMatchObject({ id: run.id });
  });

  it('takes its time-out from its target unless the request says one', async () => {
    const { tasks } = await begin({ timeoutMs: 600_000 });
    expect(await tasks.submit(work)).toMatchObject({ timeoutMs: 600_000 });
    expect(await tasks.submit({ ...work, timeoutMs: 5 })).toMatchObject({ timeoutMs: 5 });
  });

  it('is refused, and not stored, when its target is unknown', async () => {
    const { tasks } = await begin();
    await expect(tasks.submit({ app: 'shop', target: { function: 'unknown' } })).rejects.toMatchObject({
      code: 'TARGET_NOT_FOUND',
    });
    expect(await tasks.list({})).toEqual([]);
  });

  it('is one run for one idempotency key, however often and at once it is submitted', async () => {
    const { tasks, launcher } = await begin();
    const submitted = await Promise.all(
      Array.from({ length: 10 }, async () => tasks.submit({ ...work, idempotencyKey: 'once' })),
    );
    expect(new Set(submitted.map(({ id }) => id)).size).toBe(1);
    await settle(submitted[0]!, 0);
    expect(await tasks.submit({ ...work, idempotencyKey: 'once' })).toMatchObject({ state: 'succeeded' });
    expect(launcher.launched).toHaveLength(1);
  });

  it.each([
    { code: 3, cause: 'exited', state: 'failed', error: 'RUN_FAILED' },
    { code: 137, cause: 'out-of-memory', state: 'failed', error: 'OUT_OF_MEMORY' },
    { code: 1, cause: 'pids-limit', state: 'failed', error: 'PIDS_LIMIT' },
    { code: 143, cause: 'stopped', state: 'cancelled', error: 'RUN_CANCELLED' },
    { code: 0, cause: 'pids-limit', state: 'succeeded', error: undefined },
    { code: 0, cause: 'out-of-memory', state: 'succeeded', error: undefined },
  ] as const)('DR-2 that ends with $code ($cause) is $state with $error', async ({ code, cause, state, error }) => {
    const { tasks, next } = await begin();
    const { id } = await tasks.submit(work);
    (await next()).exit(code, cause);
    const run = await tasks.wait(id);
    expect([run.state, run.exitCode, run.error?.code]).toEqual([state, code, error]);
  });

  it('names its limit when it was ended for it', async () => {
    const { tasks, next } = await begin();
    const { id } = await tasks.submit(work);
    (await next()).exit(137, 'out-of-memory');
    expect((await tasks.wait(id)).error?.message).toContain('64 MiB');
  });

  it('fails with the catalogue code when it cannot be started, and has empty output', async () => {
    const onLaunch = (): never => {
      throw new MinkeError('INSTANCE_START_FAILED', { name: 'work', reason: 'no such program' });
    };
    const { tasks } = await begin({ onLaunch });
    const { id } = await tasks.submit(work);
    expect(await tasks.wait(id)).toMatchObject({ state: 'failed', error: { code: 'INSTANCE_START_FAILED' } });
    expect(await textOf(tasks.logs(id, { follow: true }))).toBe('');
    expect(await textOfResult(tasks.result(id))).toBe('');
  });

  it('runs again when its instance was lost, which is not an attempt, and fails when that goes on', async () => {
    const { tasks, next, launcher } = await begin();
    const { id } = await tasks.submit(work);
    for (let lost = 0; lost < 4; lost += 1) {
      const instance = await next();
      expect(instance.attempt).toBe(1);
      instance.exit(137, 'lost');
    }
    expect(await tasks.wait(id)).toMatchObject({ state: 'failed', error: { code: 'RUN_LOST' }, attempts: 1 });
    expect(launcher.removed.size).toBe(3);
  });

  it('tells the timeline that it started and how it ended', async () => {
    const { tasks, next, events } = await begin();
    const { id } = await tasks.submit(work);
    (await next()).exit(2);
    await tasks.wait(id);
    expect(events.map(({ kind, run, name }) => [kind, run, name])).toEqual([
      ['run.started', id, 'work'],
      ['run.ended', id, 'work'],
    ]);
    expect(events[1]?.facts).toMatchObject({ state: 'failed', exitCode: 2, error: 'RUN_FAILED' });
  });
});

describe('waiting', () => {
  it('answers with the run as it is when the time is up, and with the reason when aborted', async () => {
    const { tasks, next, clock } = await begin();
    const { id } = await tasks.submit(work);
    await next();
    const waited = tasks.wait(id, { timeoutMs: 77 });
    await clock.sleeper(77);
    clock.advance(77);
    expect((await waited).exitCode).toBeUndefined();
    await expect(tasks.wait(id, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    await expect(tasks.wait(newId())).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  });
});

describe('beginning', () => {
  it('is told when the process runs, and when it never will', async () => {
    const { tasks, next } = await begin({ concurrency: () => 1 });
    const [first, second] = [await tasks.submit(work), await tasks.submit(work)];
    const never = tasks.begun(second.id);
    await next();
    expect(await tasks.begun(first.id)).toMatchObject({ state: 'running' });
    await tasks.cancel(second.id, 'no need');
    expect(await never).toMatchObject({ state: 'cancelled' });
  });
});

describe('ending a run', () => {
  it('DR-7 ends it after its time-out with 2 s of grace, and says so', async () => {
    const { tasks, next, clock } = await begin({ timeoutMs: 30_000 });
    const { id } = await tasks.submit(work);
    const instance = await next();
    await clock.sleeper(30_000);
    clock.advance(29_999);
    expect(instance.graces).toEqual([]);
    clock.advance(1);
    expect(await tasks.wait(id)).toMatchObject({ state: 'timed-out', exitCode: 143, error: { code: 'RUN_TIMED_OUT' } });
    expect(instance.graces).toEqual([2000]);
  });

  it('DR-7 cancels a living run with 10 s of grace, and its exit code does not count', async () => {
    const { tasks, next } = await begin({ onStop: (instance) => instance.exit(0) });
    const { id } = await tasks.submit(work);
    const instance = await next();
    const run = await tasks.cancel(id, 'changed my mind');
    expect(run).toMatchObject({ state: 'cancelled', exitCode: 0, error: { code: 'RUN_CANCELLED' } });
    expect(run.error?.message).toContain('changed my mind');
    expect(instance.graces).toEqual([10_000]);
  });

  it('DR-7 cancels a queued run, which then never starts', async () => {
    const { tasks, next, launcher } = await begin({ concurrency: () => 1 });
    const first = await tasks.submit(work);
    const second = await tasks.submit(work);
    expect(await tasks.cancel(second.id, 'no need')).toMatchObject({ state: 'cancelled' });
    const third = await tasks.submit(work);
    (await next()).exit(0);
    await tasks.wait(first.id);
    expect((await next()).run.id).toBe(third.id);
    expect(launcher.launched).toHaveLength(2);
  });

  it('aborts a start under way', async () => {
    const reached = Promise.withResolvers<void>();
    const onLaunch = async (_run: unknown, signal: AbortSignal): Promise<void> => {
      reached.resolve();
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    };
    const { tasks, launcher } = await begin({ onLaunch });
    const { id } = await tasks.submit(work);
    await reached.promise;
    expect(await tasks.cancel(id, 'too slow')).toMatchObject({ state: 'cancelled' });
    expect(launcher.launched).toEqual([]);
  });

  it('stops an instance whose start could not be aborted any more', async () => {
    const reached = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const onLaunch = async (): Promise<void> => {
      reached.resolve();
      return go.promise;
    };
    const { tasks, next } = await begin({ onLaunch });
    const { id } = await tasks.submit(work);
    await reached.promise;
    const cancelled = tasks.cancel(id, 'late', 5);
    go.resolve();
    expect(await cancelled).toMatchObject({ state: 'cancelled', exitCode: 143 });
    expect((await next()).graces).toContain(5);
  });

  it('lets a run succeed that was stopped and ends well', async () => {
    const { tasks, next } = await begin({ onStop: (instance) => instance.exit(0, 'stopped') });
    const { id } = await tasks.submit(work);
    await next();
    expect(await tasks.stop(id, 500)).toMatchObject({ state: 'succeeded', exitCode: 0 });
  });

  it('refuses to cancel what has ended', async () => {
    const { tasks } = await begin();
    const run = await tasks.submit(work);
    await settle(run, 0);
    await expect(tasks.cancel(run.id, 'late')).rejects.toMatchObject({ code: 'RUN_STATE' });
  });
});

describe('streams', () => {
  it('shows logs from before the instance exists until the run has ended', async () => {
    const { tasks, next } = await begin({ concurrency: () => 1 });
    const first = await tasks.submit(work);
    const second = await tasks.submit(work);
    const followed = textOf(tasks.logs(second.id, { follow: true }));
    const unfollowed = await textOf(tasks.logs(second.id));
    await settle(first, 0);
    const instance = await next();
    instance.write('stdout', 'one ');
    instance.write('stderr', 'two ');
    instance.write('stdout', 'three');
    instance.exit(0);
    expect(await followed).toBe('one two three');
    expect(unfollowed).toBe('');
  });

  it('goes on with the logs of the next instance when one was lost', async () => {
    const { tasks, next } = await begin();
    const { id } = await tasks.submit(work);
    const lost = await next();
    const followed = textOf(tasks.logs(id, { follow: true }));
    lost.write('stdout', 'lost ');
    lost.exit(137, 'lost');
    const again = await next();
    again.write('stdout', 'again');
    again.exit(0);
    expect(await followed).toMatch(/^(lost )?again$/);
  });

  it('ends a followed log cleanly on abort, also while the run waits', async () => {
    const { tasks, next } = await begin({ concurrency: () => 1 });
    const ids = [await tasks.submit(work), await tasks.submit(work)].map(({ id }) => id);
    await next();
    const gone = new AbortController();
    const followed = ids.map(async (id) => textOf(tasks.logs(id, { follow: true, signal: gone.signal })));
    gone.abort();
    expect(await Promise.all(followed)).toEqual(['', '']);
  });

  it('has no result before the run has ended', async () => {
    const { tasks } = await begin();
    const { id } = await tasks.submit(work);
    await expect(textOfResult(tasks.result(id))).rejects.toMatchObject({ code: 'RUN_STATE' });
  });

  it('sends stored input byte for byte, and the run is running once it has gone in', async () => {
    const bytes = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, index) => index % 251));
    const { tasks, next } = await begin();
    const { id } = await tasks.submit({ ...work, input: bytes.toString('base64') });
    const instance = await next();
    expect((await instance.input).equals(bytes)).toBe(true);
    instance.exit(0);
    await tasks.wait(id);
  });

  it('keeps attached input until the run begins, and passes its end on', async () => {
    const { tasks, next } = await begin();
    const draft = await tasks.create({ ...work, options: { stdin: 'open' } });
    const stdin = tasks.attachInput(draft.id);
    stdin.write('before ');
    await tasks.start(draft.id);
    const instance = await next();
    stdin.end('after');
    expect((await instance.input).toString()).toBe('before after');
  });

  it('drops input that nobody takes', async () => {
    const { tasks } = await begin();
    const run = await tasks.submit(work);
    await settle(run, 0);
    const stdin = tasks.attachInput(run.id);
    await new Promise((resolve) => stdin.end('nobody', () => resolve(undefined)));
    expect(stdin.errored).toBeNull();
  });
});

describe('drafts', () => {
  it('are recorded only, found and waited for, and accepted once when started', async () => {
    const { tasks, store, next, launcher } = await begin();
    const draft = await tasks.create({ ...work, options: { name: 'x' } });
    expect(await store.runs.get(draft.id)).toBeUndefined();
    expect(tasks.isDraft(draft.id)).toBe(true);
    expect(tasks.drafts()).toEqual([draft]);
    expect(await tasks.find(draft.id.slice(0, 12))).toEqual(draft);
    await expect(tasks.cancel(draft.id, 'early')).rejects.toMatchObject({ code: 'RUN_STATE' });
    const waited = tasks.wait(draft.id);
    const logs = textOf(tasks.logs(draft.id, { follow: true }));
    await Promise.all([tasks.start(draft.id), tasks.start(draft.id)]);
    expect(tasks.isDraft(draft.id)).toBe(false);
    const instance = await next();
    instance.write('stdout', 'hello');
    instance.exit(0);
    expect(await waited).toMatchObject({ id: draft.id, state: 'succeeded' });
    expect(await logs).toBe('hello');
    expect(await tasks.start(draft.id)).toMatchObject({ state: 'succeeded' });
    expect(launcher.launched).toHaveLength(1);
  });

  it('can be removed', async () => {
    const { tasks } = await begin();
    const { id } = await tasks.create(work);
    await tasks.remove(id);
    expect(await tasks.get(id)).toBeUndefined();
  });
});

describe('removing', () => {
  it('forgets a settled run with its instance, and refuses a living one', async () => {
    const { tasks, launcher, next } = await begin();
    const { id } = await tasks.submit(work);
    const instance = await next();
    await expect(tasks.remove(id)).rejects.toMatchObject({ code: 'RUN_STATE' });
    instance.exit(0);
    await tasks.wait(id);
    await tasks.remove(id);
    expect(await tasks.get(id)).toBeUndefined();
    expect(launcher.removed.has(instance.run.instance)).toBe(true);
    await expect(tasks.remove(id)).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  });

  it('removes the output of the oldest runs where all of it is too much, says so, and keeps the runs', async () => {
    const retention = { maxAgeMs: Infinity, maxDeadAgeMs: Infinity, maxCount: 100, maxOutputBytes: 20 };
    const { tasks, launcher, clock, next } = await begin({}, { retention });
    const runs: Run[] = [];
    for (let count = 0; count < 3; count += 1) {
      const run = await tasks.submit(work);
      const instance = await next();
      instance.write('stdout', '12345');
      instance.write('stderr', '12345');
      instance.exit(0);
      runs.push(await tasks.wait(run.id));
      clock.advance(1);
    }
    const [oldest, ...others] = runs;
    await clock.sleeper(60_000 - 3);
    clock.advance(60_000);
    await clock.sleeper(60_000);
    expect(await tasks.get(oldest?.id ?? '')).toMatchObject({ state: 'succeeded', exitCode: 0, isOutputRemoved: true });
    expect(launcher.removed).toEqual(new Set([oldest?.instance]));
    const gone = { code: 'OUTPUT_REMOVED' };
    await expect(textOfResult(tasks.result(oldest?.id ?? ''))).rejects.toMatchObject(gone);
    await expect(textOf(tasks.logs(oldest?.id ?? '', { attempt: 1 }))).rejects.toMatchObject(gone);
    for (const { id } of others) expect(await textOfResult(tasks.result(id))).toBe('12345');
  });

  it('prunes settled runs by age and by count in the background', async () => {
    const retention = { maxAgeMs: 1000_000, maxDeadAgeMs: Infinity, maxCount: 2, maxOutputBytes: 1000 };
    const { tasks, launcher, clock } = await begin({}, { retention });
    const runs: Run[] = [];
    for (let count = 0; count < 3; count += 1) {
      const run = await tasks.submit(work);
      runs.push(await settle(run, 0));
      clock.advance(1);
    }
    await clock.sleeper(60_000 - 3);
    clock.advance(60_000);
    await clock.sleeper(60_000);
    expect((await tasks.list({})).map(({ id }) => id)).toEqual([runs[2]?.id, runs[1]?.id]);
    expect(launcher.removed.has(runs[0]?.instance ?? '')).toBe(true);
    clock.advance(1000_000);
    await clock.sleeper(60_000);
    expect(await tasks.list({})).toEqual([]);
  });
});

async function textOf(chunks: AsyncIterable<{ readonly bytes: Buffer }>): Promise<string> {
  const all: Buffer[] = [];
  for await (const { bytes } of chunks) all.push(bytes);
  return Buffer.concat(all).toString();
}

async function textOfResult(result: AsyncIterable<Buffer>): Promise<string> {
  const all: Buffer[] = [];
  for await (const bytes of result) all.push(bytes);
  return Buffer.concat(all).toString();
}
