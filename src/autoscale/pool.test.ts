import { describe, expect, it } from 'vitest';
import { MinkeError } from '../errors/index.ts';
import type { Lease } from './pool-hands.ts';
import { createPoolBench, scripted, settle, type PoolBench, type ScriptedInstance } from './pool.fixture.ts';

const never = new AbortController().signal;

/** Leases that were asked for and are known to be served or not. */
function ask({ pool }: PoolBench, signal = never) {
  const asked = { lease: undefined as Lease<ScriptedInstance> | undefined, error: undefined as unknown };
  pool.lease(signal).then(
    (lease) => (asked.lease = lease),
    (error: unknown) => (asked.error = error),
  );
  return asked;
}

async function readyBench(count = 1, settings = {}): Promise<PoolBench> {
  const bench = createPoolBench(settings);
  const { concurrency } = bench.settings;
  const asked = Array.from({ length: count * concurrency }, () => ask(bench));
  for (const one of bench.starts) await one.ready();
  for (const { lease } of asked) lease?.release();
  return bench;
}

describe('a request for an http function', () => {
  it('starts an instance from zero, and all who come meanwhile wait for the same one', async () => {
    const bench = createPoolBench();
    const two = [ask(bench), ask(bench)];
    await settle();
    expect(bench.starts).toHaveLength(1);
    expect(two.map(({ lease }) => lease)).toEqual([undefined, undefined]);
    await bench.starts[0]?.ready();
    expect(two.map(({ lease }) => lease?.instance.id)).toEqual(['instance-1', 'instance-1']);
  });

  it('DR-7 more instances come when all are at their limit, up to the most there may be, then requests wait in order', async () => {
    const bench = createPoolBench({ max: 2, concurrency: 2 });
    const asked = Array.from({ length: 6 }, () => ask(bench));
    await settle();
    expect(bench.starts).toHaveLength(2);
    for (const one of bench.starts) await one.ready();
    expect(asked.map(({ lease }) => lease !== undefined)).toEqual([true, true, true, true, false, false]);
    asked[1]?.lease?.release();
    await settle();
    expect(asked.map(({ lease }) => lease !== undefined)).toEqual([true, true, true, true, true, false]);
    expect(bench.starts).toHaveLength(2);
  });

  it('DR-7 is refused when places and queue are full, the same from zero and warm', async () => {
    const bench = createPoolBench({ max: 1, concurrency: 1, queueMax: 2 });
    const cold = Array.from({ length: 4 }, () => ask(bench));
    await settle();
    expect(cold.map(({ error }) => (error as MinkeError | undefined)?.code)).toEqual([
      undefined,
      undefined,
      undefined,
      'QUEUE_FULL',
    ]);
    await bench.starts[0]?.ready();
    const warm = [ask(bench)];
    await settle();
    expect(warm[0]?.error).toMatchObject({ code: 'QUEUE_FULL', facts: { name: 'web', limit: 2 } });
  });

  it('that gives up leaves the queue, and the one behind it is served', async () => {
    const bench = createPoolBench({ max: 1, concurrency: 1 });
    const gone = new AbortController();
    const [first, second] = [ask(bench, gone.signal), ask(bench)];
    gone.abort(new Error('gone'));
    await bench.starts[0]?.ready();
    expect(first.error).toMatchObject({ message: 'gone' });
    expect(second.lease?.instance.id).toBe('instance-1');
  });

  it('goes to the instance with the fewest, and of equals to the one used last, so that others become idle', async () => {
    const bench = await readyBench(2);
    const one = ask(bench);
    await settle();
    const used = one.lease?.instance.id;
    const other = ask(bench);
    await settle();
    expect(other.lease?.instance.id).not.toBe(used);
    other.lease?.release();
    await bench.advance(10);
    one.lease?.release();
    const again = ask(bench);
    await settle();
    expect(again.lease?.instance.id).not.toBe(undefined);
  });
});

describe('an instance', () => {
  it('goes when it has had no request for the idle time, and not a moment before', async () => {
    const bench = await readyBench();
    await bench.advance(999);
    expect(bench.living()).toHaveLength(1);
    const one = ask(bench);
    await settle();
    await bench.advance(10_000);
    expect(bench.living()).toHaveLength(1);
    one.lease?.release();
    await bench.advance(999);
    expect(bench.living()).toHaveLength(1);
    await bench.advance(1);
    expect(bench.living()).toEqual([]);
    expect(bench.pool.ids()).toEqual([]);
    expect(bench.events.map(({ kind, facts }) => [kind, facts?.['to']])).toEqual([
      ['function.scaled', 1],
      ['function.scaled', 0],
    ]);
  });

  it('that dies is replaced by the next need; what it carried may still be given back', async () => {
    const bench = await readyBench();
    const one = ask(bench);
    await settle();
    await bench.starts[0]?.die();
    expect(bench.starts).toHaveLength(1);
    const two = ask(bench);
    await bench.starts[1]?.ready();
    one.lease?.release();
    expect(two.lease?.instance.id).toBe('instance-2');
  });

  it('that dies while requests wait is replaced at once', async () => {
    const bench = await readyBench(1, { max: 1, concurrency: 1 });
    const [held, waiting] = [ask(bench), ask(bench)];
    await settle();
    expect(held.lease).toBeDefined();
    await bench.starts[0]?.die();
    await bench.starts[1]?.ready();
    expect(waiting.lease?.instance.id).toBe('instance-2');
  });

  it('that takes no connection gets no more requests, and ends when nobody is left on it', async () => {
    const bench = await readyBench();
    const [one, two] = [ask(bench), ask(bench)];
    await settle();
    one.lease?.fail();
    const three = ask(bench);
    await settle();
    expect(bench.starts).toHaveLength(2);
    expect(bench.starts[0]?.isStopAsked).toBe(false);
    two.lease?.release();
    await settle();
    await bench.advance(1000);
    expect(bench.starts[0]?.isStopAsked).toBe(true);
    await bench.starts[1]?.ready();
    expect(three.lease?.instance.id).toBe('instance-2');
  });

  it('that must be alone is gone before the next one starts', async () => {
    const bench = await readyBench(1, { max: 1, isAlone: true });
    const one = ask(bench);
    await settle();
    one.lease?.fail();
    const two = ask(bench);
    await settle();
    expect(bench.starts).toHaveLength(1);
    await bench.advance(1000);
    expect(bench.starts[0]?.isGone).toBe(true);
    await bench.starts[1]?.ready();
    expect(two.lease?.instance.id).toBe('instance-2');
  });

  it('that must be alone and did not become ready is gone before the next one starts', async () => {
    const bench = createPoolBench({ max: 1, isAlone: true });
    const one = ask(bench);
    await bench.starts[0]?.failReady(new Error('no'));
    expect(one.error).toBeDefined();
    const two = ask(bench);
    await bench.advance(100);
    expect([bench.starts.length, bench.starts[0]?.isGone]).toEqual([2, true]);
    await bench.starts[1]?.ready();
    expect(two.lease?.instance.id).toBe('instance-2');
  });

  it('of an earlier daemon gets requests once it answers, and nothing is started beside it', async () => {
    const bench = createPoolBench();
    const adopted = scripted('adopted', 'v1');
    bench.pool.adopt(adopted, 'v1');
    const asked = ask(bench);
    await settle();
    expect(asked.lease).toBeUndefined();
    await adopted.ready();
    expect(asked.lease?.instance).toBe(adopted);
    expect(bench.starts).toEqual([]);
  });

  it('of an earlier daemon that does not answer any more fails nobody: another is started', async () => {
    const bench = createPoolBench();
    const adopted = scripted('adopted', 'v1');
    bench.pool.adopt(adopted, 'v1');
    const asked = ask(bench);
    await adopted.die();
    await bench.advance(100);
    await bench.starts[0]?.ready();
    expect(asked.lease?.instance.id).toBe('instance-1');
  });
});

describe('a start that fails', () => {
  const failure = new MinkeError('INSTANCE_START_FAILED', { name: 'web', reason: 'no such luck' });

  it.each(['failStart', 'failReady'] as const)(
    'by %s fails all who wait with its reason, and leaves nothing',
    async (how) => {
      const bench = createPoolBench();
      const asked = [ask(bench), ask(bench)];
      await bench.starts[0]?.[how](failure);
      await bench.starts[0]?.die();
      expect(asked.map(({ error }) => error)).toEqual([failure, failure]);
      expect(bench.pool.ids()).toEqual([]);
      expect(bench.events.at(-1)).toMatchObject({
        kind: 'function.start-failed',
        facts: { error: { code: failure.code } },
      });
    },
  );

  it('is not tried again before a pause that grows, and the first success ends it', async () => {
    const bench = createPoolBench();
    for (const pauseMs of [100, 200, 400]) {
      await expectStart(bench, failure);
      ask(bench);
      await bench.advance(pauseMs - 1);
      const before = bench.starts.length;
      await bench.advance(1);
      expect(bench.starts.length).toBe(before + 1);
    }
    await bench.starts.at(-1)?.ready();
    await bench.starts.at(-1)?.die();
    const before = bench.starts.length;
    ask(bench);
    ask(bench);
    ask(bench);
    await settle();
    expect(bench.starts.length).toBeGreaterThan(before);
  });

  async function expectStart(bench: PoolBench, error: MinkeError): Promise<void> {
    if (bench.living().length === 0) ask(bench);
    await settle();
    await bench.starts.at(-1)?.failStart(error);
  }

  it('fails nobody while another instance is there or on its way', async () => {
    const bench = createPoolBench({ concurrency: 1 });
    const asked = [ask(bench), ask(bench)];
    await bench.starts[0]?.failStart(failure);
    expect(asked.map(({ error }) => error)).toEqual([undefined, undefined]);
    await bench.starts[1]?.ready();
    asked[0]?.lease?.release();
    await settle();
    expect(asked[1]?.lease?.instance.id).toBe('instance-2');
  });
});

describe('another version', () => {
  it('takes over once it is ready; the old one serves until then and ends with its last request', async () => {
    const bench = await readyBench(1, { max: 1 });
    const long = ask(bench);
    await settle();
    bench.version = 'v2';
    const renewed = bench.pool.renew();
    const between = ask(bench);
    await settle();
    expect(between.lease?.instance.version).toBe('v1');
    between.lease?.release();
    await bench.starts[1]?.ready();
    await renewed;
    const after = ask(bench);
    await settle();
    expect(after.lease?.instance.version).toBe('v2');
    expect(bench.living()).toHaveLength(2);
    long.lease?.release();
    await settle();
    expect(bench.living().map(({ version }) => version)).toEqual(['v2']);
  });

  it('that does not start is an error of the renewal, and the old one serves on', async () => {
    const bench = await readyBench();
    bench.version = 'v2';
    const renewed = bench.pool.renew();
    const failure = new MinkeError('INSTANCE_START_FAILED', { name: 'web', reason: 'bad' });
    await Promise.all([expect(renewed).rejects.toBe(failure), bench.starts[1]?.failStart(failure)]);
    const asked = ask(bench);
    await settle();
    expect(asked.lease?.instance.version).toBe('v1');
  });

  it('replaces a start of the old one that is under way, and nobody who waits notices', async () => {
    const bench = createPoolBench();
    const asked = ask(bench);
    await settle();
    bench.version = 'v2';
    await bench.pool.renew();
    await bench.starts[1]?.ready();
    expect(asked.lease?.instance.version).toBe('v2');
    expect(bench.living()).toHaveLength(1);
  });

  it('starts nothing while nothing runs', async () => {
    const bench = createPoolBench();
    bench.version = 'v2';
    await bench.pool.renew();
    expect(bench.starts).toEqual([]);
  });
});

describe('taking a function away', () => {
  it('cuts no request, refuses new ones, and ends what starts', async () => {
    const bench = createPoolBench({ concurrency: 1 });
    const [held, waiting] = [ask(bench), ask(bench)];
    await bench.starts[0]?.ready();
    let isOver = false;
    const drained = bench.pool.drain(5000).then(() => (isOver = true));
    await settle();
    expect(waiting.error).toMatchObject({ code: 'NO_INSTANCE' });
    await expect(bench.pool.lease(never)).rejects.toMatchObject({ code: 'NO_INSTANCE' });
    expect(bench.living().map(({ id }) => id)).toEqual(['instance-1']);
    expect(isOver).toBe(false);
    held.lease?.release();
    await drained;
    expect(bench.living()).toEqual([]);
  });

  it('waits for a request no longer than it is told', async () => {
    const bench = await readyBench();
    ask(bench);
    await settle();
    const drained = bench.pool.drain(5000);
    await bench.advance(4999);
    expect(bench.living()).toHaveLength(1);
    await bench.advance(1);
    await drained;
    expect(bench.living()).toEqual([]);
  });

  it('letting go leaves alive what is ready, and ends what starts', async () => {
    const bench = createPoolBench({ concurrency: 1 });
    const [held, waiting] = [ask(bench), ask(bench)];
    await bench.starts[0]?.ready();
    await bench.pool.close();
    expect(held.lease).toBeDefined();
    expect(waiting.error).toMatchObject({ code: 'NO_INSTANCE' });
    expect(bench.living().map(({ id }) => id)).toEqual(['instance-1']);
  });
});
