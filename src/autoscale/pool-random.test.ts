import { describe, expect, it } from 'vitest';
import { MinkeError } from '../errors/index.ts';
import { seededRandom } from '../model/seeded-random.fixture.ts';
import type { Lease } from './pool-hands.ts';
import { createPoolBench, settle, type PoolBench, type ScriptedInstance } from './pool.fixture.ts';

// Random interleavings of everything that happens to a pool. A seed gives the same steps again.

const steps = 400;
const bounds = { max: 3, concurrency: 2, idleMs: 1000, queueMax: 6 };

describe('whatever happens in whatever order', () => {
  const seeds = Array.from({ length: 25 }, (_, index) => index + 1);

  it.each(seeds)(
    'DR-7 never more instances than may be, no request forgotten, no instance left (seed %i)',
    async (seed) => {
      const bench = createPoolBench(bounds);
      const story = createStory(bench, seededRandom(seed), { isReplaced: false });
      for (let step = 0; step < steps; step += 1) {
        await story.step();
        expect(bench.living().length).toBeLessThanOrEqual(bounds.max);
      }
      expect(story.served()).toBeGreaterThan(20);
      await story.finish();
    },
  );

  it.each(seeds)('the same holds while versions replace one another, which overlap (seed %i)', async (seed) => {
    const story = createStory(createPoolBench(bounds), seededRandom(seed), { isReplaced: true });
    for (let step = 0; step < steps; step += 1) await story.step();
    expect(story.served()).toBeGreaterThan(20);
    await story.finish();
  });
});

interface Asked {
  readonly controller: AbortController;
  lease: Lease<ScriptedInstance> | undefined;
  error: unknown;
  isOver: boolean;
}

function createStory(bench: PoolBench, random: () => number, { isReplaced }: { readonly isReplaced: boolean }) {
  const all: Asked[] = [];
  const waiting = (): Asked[] => all.filter(({ lease, error }) => lease === undefined && error === undefined);
  const held = (): Asked[] => all.filter(({ lease, isOver }) => lease !== undefined && !isOver);
  const any = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const failure = (): MinkeError => new MinkeError('INSTANCE_START_FAILED', { name: 'web', reason: 'by chance' });

  const ask = async (): Promise<void> => {
    const one: Asked = { controller: new AbortController(), lease: undefined, error: undefined, isOver: false };
    all.push(one);
    bench.pool.lease(one.controller.signal).then(
      (lease) => (one.lease = lease),
      (error: unknown) => (one.error = error),
    );
  };
  const giveBack = (how: 'release' | 'fail') => async (): Promise<void> => {
    const one = any(held());
    if (one === undefined) return;
    one.isOver = true;
    one.lease?.[how]();
    // Twice is as good as once.
    one.lease?.release();
  };
  const acts: readonly (readonly [weight: number, act: () => Promise<unknown>])[] = [
    [10, ask],
    [8, giveBack('release')],
    [isReplaced ? 0.5 : 0, giveBack('fail')],
    [1, async () => any(waiting())?.controller.abort(new Error('gone'))],
    [6, async () => await any(bench.living())?.ready()],
    [1, async () => await any(bench.living())?.failStart(failure())],
    [1, async () => await any(bench.living())?.failReady(failure())],
    [1, async () => await any(bench.living())?.die()],
    [2, async () => await bench.advance(Math.floor(random() * 1500))],
    [isReplaced ? 0.5 : 0, async () => await renew(bench, `v${Math.floor(random() * 3)}`)],
  ];
  const total = acts.reduce((sum, [weight]) => sum + weight, 0);

  const check = (): void => {
    const holders = Map.groupBy(held(), ({ lease }) => lease?.instance.id);
    for (const [, leases] of holders) expect(leases.length).toBeLessThanOrEqual(bounds.concurrency);
    expect(waiting().length).toBeLessThanOrEqual(bounds.max * bounds.concurrency + bounds.queueMax);
  };

  return {
    served: (): number => all.filter(({ lease }) => lease !== undefined).length,
    step: async (): Promise<void> => {
      let left = random() * total;
      const [, act] = acts.find(([weight]) => (left -= weight) < 0) ?? [0, ask];
      await act();
      await settle();
      check();
    },
    /** Everything is well from here on: whoever waits is served, and then nothing is left. */
    finish: async (): Promise<void> => {
      for (let turn = 0; turn < 200 && (waiting().length > 0 || held().length > 0); turn += 1) {
        for (const one of bench.living()) await one.ready();
        for (const one of held()) {
          one.isOver = true;
          one.lease?.release();
        }
        await bench.advance(500);
        check();
      }
      expect(waiting()).toEqual([]);
      await bench.advance(bounds.idleMs * 3);
      await bench.advance(bounds.idleMs * 3);
      expect(bench.pool.ids()).toEqual([]);
      expect(bench.living()).toEqual([]);
    },
  };
}

async function renew(bench: PoolBench, version: string): Promise<void> {
  bench.version = version;
  // It may wait for an instance that a later step brings up.
  bench.pool.renew().catch(() => undefined);
  await settle();
}
