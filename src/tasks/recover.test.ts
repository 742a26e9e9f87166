import { afterEach, describe, expect, it } from 'vitest';
import { createBench, type Bench } from './tasks.fixture.ts';
import type { Script } from './launcher.fixture.ts';

const work = { app: 'shop', target: { function: 'work' } } as const;

let bench: Bench;
afterEach(async () => bench.dispose());

async function begin(script: Script = {}): Promise<Bench> {
  bench = await createBench(script);
  await bench.tasks.recover();
  return bench;
}

/** Resolves once the row says that the run is running. */
async function running(id: string): Promise<void> {
  const { store } = bench;
  await expect.poll(async () => (await store.runs.get(id))?.state, { interval: 1 }).toBe('running');
}

describe('after a restart', () => {
  it('a living run is adopted: not started again, and settled by its exit', async () => {
    const { next, launcher } = await begin();
    const { id } = await bench.tasks.submit(work);
    const instance = await next();
    await running(id);
    await bench.restart();
    await bench.tasks.recover();
    const logs = bench.tasks.logs(id, { follow: true });
    instance.write('stdout', 'still here');
    instance.exit(0);
    expect(await bench.tasks.wait(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
    for await (const { bytes } of logs) expect(bytes.toString()).toBe('still here');
    expect(launcher.launched).toHaveLength(1);
  });

  it('a run that ended unobserved is settled from its exit', async () => {
    const { next } = await begin();
    const { id } = await bench.tasks.submit(work);
    const instance = await next();
    await bench.restart();
    instance.exit(7);
    expect((await bench.store.runs.get(id))?.exitCode).toBeUndefined();
    await bench.tasks.recover();
    expect(await bench.tasks.wait(id)).toMatchObject({ state: 'failed', exitCode: 7, error: { code: 'RUN_FAILED' } });
  });

  it('a run whose instance is gone runs again, and that is not an attempt', async () => {
    const { next, launcher } = await begin();
    const { id } = await bench.tasks.submit(work);
    const gone = await next();
    await running(id);
    await bench.restart();
    launcher.lose(gone);
    await bench.tasks.recover();
    const again = await next();
    expect([again.run.id, again.attempt]).toEqual([id, 1]);
    expect(again.run.instance).not.toBe(gone.run.instance);
    expect(launcher.removed.has(gone.run.instance)).toBe(true);
    again.exit(0);
    expect(await bench.tasks.wait(id)).toMatchObject({ state: 'succeeded', attempts: 1 });
  });

  it('queued runs start in the order of their acceptance, and adopted ones count', async () => {
    const { next, launcher } = await begin({ concurrency: () => 1 });
    const first = await bench.tasks.submit(work);
    const living = await next();
    const queued = [await bench.tasks.submit(work), await bench.tasks.submit(work)];
    await bench.restart();
    const late = await bench.tasks.submit(work);
    await bench.tasks.recover();
    expect(launcher.launched).toHaveLength(1);
    living.exit(0);
    await bench.tasks.wait(first.id);
    const order: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      const instance = await next();
      order.push(instance.run.id);
      instance.exit(0);
    }
    expect(order.toSorted()).toEqual([...queued, late].map(({ id }) => id).toSorted());
    expect(order.indexOf(queued[0]?.id ?? '')).toBeLessThan(order.indexOf(queued[1]?.id ?? ''));
  });

  it('the time that a run had already counts against its time-out', async () => {
    const { next, clock } = await begin({ timeoutMs: 1000 });
    const { id } = await bench.tasks.submit(work);
    const instance = await next();
    await bench.restart();
    clock.advance(1000);
    await bench.tasks.recover();
    expect(await bench.tasks.wait(id)).toMatchObject({ state: 'timed-out' });
    expect(instance.graces).toEqual([2000]);
  });

  it('a run whose input may have been cut short is ended and runs again with all of it', async () => {
    const bytes = Buffer.alloc(400_000, 'x');
    const { next } = await begin({ isDeaf: (launch) => launch === 0 });
    const { id } = await bench.tasks.submit({ ...work, input: bytes.toString('base64') });
    const cut = await next();
    await bench.restart();
    await bench.tasks.recover();
    expect(cut.graces).toEqual([0]);
    const again = await next();
    expect((await again.input).equals(bytes)).toBe(true);
    again.exit(0);
    expect(await bench.tasks.wait(id)).toMatchObject({ state: 'succeeded' });
  });

  it('a time-out of the daemon before ends nothing any more', async () => {
    const { next, clock } = await begin({ timeoutMs: 1000 });
    await bench.tasks.submit(work);
    const instance = await next();
    await clock.sleeper(1000);
    await bench.restart();
    clock.advance(1000);
    expect(instance.graces).toEqual([]);
  });

  it('nothing starts before it has recovered', async () => {
    bench = await createBench();
    const { id } = await bench.tasks.submit(work);
    expect((await bench.tasks.get(id))?.state).toBe('queued');
    expect(bench.launcher.launched).toEqual([]);
    await bench.tasks.recover();
    (await bench.next()).exit(0);
    expect(await bench.tasks.wait(id)).toMatchObject({ state: 'succeeded' });
  });
});

describe('a shutdown', () => {
  it('lets runs end in their time, puts functions back to the queue and cancels containers', async () => {
    const { next, clock, launcher } = await begin();
    const quick = await bench.tasks.submit(work);
    const ending = await next();
    const slow = await bench.tasks.submit(work);
    await next();
    const container = await bench.tasks.submit({ target: { image: 'busybox' } });
    await next();
    const waiting = bench.tasks.drain({ timeoutMs: 3000 });
    const late = await bench.tasks.submit(work);
    ending.exit(0);
    await clock.sleeper(3000);
    clock.advance(3000);
    await waiting;
    const states = await Promise.all(
      [quick, slow, container, late].map(async ({ id }) => (await bench.tasks.get(id))?.state),
    );
    expect(states).toEqual(['succeeded', 'queued', 'cancelled', 'queued']);
    expect(launcher.living()).toEqual([]);
  });

  it('that only closes leaves what lives alone', async () => {
    const { next, launcher } = await begin();
    await bench.tasks.submit(work);
    const instance = await next();
    await bench.tasks.close();
    expect(instance.graces).toEqual([]);
    expect(launcher.living()).toEqual([instance]);
  });
});
