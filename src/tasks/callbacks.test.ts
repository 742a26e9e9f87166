import { afterEach, describe, expect, it } from 'vitest';
import type { Run } from '../model/run.ts';
import { createReceiver, isSigned, type Receiver } from './callback.fixture.ts';
import { callbackResultBytes } from './callback-message.ts';
import { callbackForMs } from './callbacks.ts';
import { callbackSecret, createBench, type Bench } from './tasks.fixture.ts';

const work = { app: 'shop', target: { function: 'work' } } as const;

let bench: Bench;
let receiver: Receiver;
afterEach(async () => {
  await bench.dispose();
  await receiver.close();
});

/** Pauses have no chance in them: 500 ms, 1 s, 2 s ... */
async function begin(statuses?: readonly number[]): Promise<Bench> {
  receiver = await createReceiver(statuses);
  bench = await createBench({}, { random: () => 0 });
  await bench.tasks.recover();
  return bench;
}

const submit = async (): Promise<Run> =>
  bench.tasks.submit({ ...work, env: { PASSWORD: 'hidden' }, callback: { url: receiver.url } });
const stateOf = async ({ id }: Run): Promise<string | undefined> => (await bench.store.runs.get(id))?.callback?.state;
const told = (): string[] => bench.events.map(({ kind }) => kind).filter((kind) => kind.startsWith('callback.'));
const untilTold = async (kinds: readonly string[]): Promise<void> => await expect.poll(told).toEqual(kinds);

describe('a call-back', () => {
  it('is told once of a success, signed, with the result and without the variables', async () => {
    await begin();
    const run = await submit();
    const instance = await bench.next();
    instance.write('stdout', 'done\n');
    instance.write('stderr', 'log\n');
    instance.exit(0);
    const one = await receiver.next();
    expect(one).toMatchObject({ path: '/ended?shop=1', headers: { 'webhook-id': run.id } });
    expect(isSigned(one, callbackSecret)).toBe(true);
    expect(isSigned({ ...one, body: one.body.replace('succeeded', 'failed') }, callbackSecret)).toBe(false);
    expect(isSigned(one, Buffer.alloc(32))).toBe(false);
    expect(JSON.parse(one.body)).toMatchObject({
      run: { id: run.id, state: 'succeeded', exitCode: 0 },
      result: 'done\n',
      resultEncoding: 'utf8',
    });
    expect(one.body).not.toContain('hidden');
    await untilTold(['callback.delivered']);
    expect(await stateOf(run)).toBe('delivered');
    expect(receiver.received).toHaveLength(1);
  });

  it.each([
    ['failed', async () => (await bench.next()).exit(3)],
    ['cancelled', async (run: Run) => void (await bench.tasks.cancel(run.id, 'it was asked for'))],
  ] as const)('is told of a run that %s', async (state, end) => {
    await begin();
    const run = await submit();
    await end(run);
    expect(JSON.parse((await receiver.next()).body)).toMatchObject({ run: { id: run.id, state } });
    await untilTold(['callback.delivered']);
  });

  it('has no result that is longer than its limit, and bytes that are no text in base64', async () => {
    await begin();
    await submit();
    const long = await bench.next();
    long.write('stdout', 'x'.repeat(callbackResultBytes + 1));
    long.exit(0);
    expect(JSON.parse((await receiver.next()).body)).not.toHaveProperty('result');
    await submit();
    const odd = await bench.next();
    odd.write('stdout', Buffer.from([0xff, 0x00]));
    odd.exit(0);
    expect(JSON.parse((await receiver.next()).body)).toMatchObject({ result: '/wA=', resultEncoding: 'base64' });
  });

  it('is repeated, after longer pauses each time, until it is answered with 2xx; a redirect is no such answer', async () => {
    await begin([500, 302, 200]);
    const run = await submit();
    (await bench.next()).exit(0);
    const first = await receiver.next();
    for (const pauseMs of [500, 1000]) {
      await bench.clock.sleeper(pauseMs);
      bench.clock.advance(pauseMs);
      const again = await receiver.next();
      expect(again.path).toBe('/ended?shop=1');
      expect(again.headers['webhook-id']).toBe(first.headers['webhook-id']);
      expect(isSigned(again, callbackSecret)).toBe(true);
    }
    await untilTold(['callback.retrying', 'callback.retrying', 'callback.delivered']);
    expect(await stateOf(run)).toBe('delivered');
    expect(bench.events.find(({ kind }) => kind === 'callback.retrying')).toMatchObject({
      run: run.id,
      facts: { to: `http://127.0.0.1:${receiver.port}`, attempts: 1, reason: 'it answered 500', againAfterMs: 500 },
    });
  });

  it('is owed by the next daemon as well, and kept from retention, until it is given up after a day', async () => {
    await begin([500]);
    const run = await submit();
    (await bench.next()).exit(0);
    await receiver.next();
    await untilTold(['callback.retrying']);
    await bench.restart();
    expect(await stateOf(run)).toBe('owed');
    bench.clock.advance(callbackForMs - 100);
    const expired = async (): Promise<string[]> => {
      const rules = { maxAgeMs: 0, maxCount: 0, maxDeadAgeMs: 0, limit: 10 };
      return (await bench.store.runs.expired({ ...rules, now: bench.clock.now() })).map(({ id }) => id);
    };
    expect(await expired()).toEqual([]);
    await bench.tasks.recover();
    await receiver.next();
    await untilTold(['callback.retrying', 'callback.failed']);
    expect(await stateOf(run)).toBe('failed');
    expect(await expired()).toEqual([run.id]);
  });

  it('goes with a run that is done once more', async () => {
    await begin();
    const run = await submit();
    (await bench.next()).exit(1);
    await receiver.next();
    const again = await bench.tasks.retry(run.id);
    (await bench.next()).exit(0);
    expect(JSON.parse((await receiver.next()).body)).toMatchObject({ run: { id: again.id, retryOf: run.id } });
  });
});
