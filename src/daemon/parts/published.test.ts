import { describe, expect, it } from 'vitest';
import type { Instance } from '../../engines/engine.ts';
import { MinkeError } from '../../errors/index.ts';
import { createPublished, type Published } from './published.ts';

describe('the instances that a name leads to', () => {
  it('are all that were published at the same time, and one less is one less', async () => {
    const { published, led } = createStage();
    await Promise.all([published.add(instance('a')), published.add(instance('b')), published.add(instance('c'))]);
    expect(led.at(-1)).toEqual(['10.0.0.a', '10.0.0.b', '10.0.0.c']);
    await published.remove('shop', 'web', ['b', 'unknown']);
    expect(led.at(-1)).toEqual(['10.0.0.a', '10.0.0.c']);
    const before = led.length;
    await published.remove('shop', 'web', ['b']);
    await published.add(instance('a'));
    expect(led.length).toBe(before);
  });

  it('take turns, without those that were tried', async () => {
    const { published } = createStage();
    for (const id of ['a', 'b', 'c']) await published.add(instance(id));
    const next = async (...except: readonly string[]): Promise<string> =>
      (await published.next('shop', 'web', new AbortController().signal, new Set(except))).handle.id;
    expect([await next(), await next(), await next(), await next()]).toEqual(['a', 'b', 'c', 'a']);
    expect([await next('b', 'c'), await next('b', 'c')]).toEqual(['a', 'a']);
  });

  it('are waited for where there are none, until nobody wants one any more', async () => {
    const { published } = createStage();
    const gone = new AbortController();
    const vain = published.next('shop', 'web', gone.signal, new Set());
    gone.abort(new Error('enough'));
    await expect(vain).rejects.toThrow('enough');
    await published.add(instance('a'));
    const another = published.next('shop', 'web', new AbortController().signal, new Set(['a']));
    await published.add(instance('b'));
    expect((await another).handle.id).toBe('b');
  });

  it("are none that has ended, whose address may be another's before its end is told", async () => {
    const { published, led, ended } = createStage();
    await published.add(instance('a'));
    ended.add('a');
    await published.add(instance('b'));
    expect(led.at(-1)).toEqual(['10.0.0.b']);
  });

  it('are those of before where the network takes no other', async () => {
    const { published, refuse } = createStage();
    await published.add(instance('a'));
    refuse();
    await expect(published.add(instance('b'))).rejects.toMatchObject({ code: 'NETWORK_FAILED' });
    expect(published.of('shop', 'web').map(({ handle }) => handle.id)).toEqual(['a']);
  });
});

function createStage(): {
  readonly published: Published;
  /** Addresses, as the network was told them. */
  readonly led: (readonly string[])[];
  readonly ended: Set<string>;
  refuse(): void;
} {
  const led: (readonly string[])[] = [];
  const ended = new Set<string>();
  let isRefusing = false;
  const published = createPublished({
    networks: {
      publish: async (app, _, addresses) => {
        if (isRefusing) throw new MinkeError('NETWORK_FAILED', { app, reason: 'no' });
        led.push(addresses);
      },
    },
    inspect: async (id) => (ended.has(id) ? { state: 'ended' } : { state: 'running', pid: process.pid }),
  });
  return { published, led, ended, refuse: () => (isRefusing = true) };
}

const instance = (id: string): Instance => ({
  handle: { version: 1, engine: 'fake', id },
  spec: {
    id,
    app: 'shop',
    name: 'web',
    kind: 'service',
    labels: {},
    limits: { memoryBytes: 0, pids: 1, cpus: 0 },
    imageId: 'x',
  },
  address: `10.0.0.${id}`,
  startedAt: 1,
  exited: new Promise(() => undefined),
});
