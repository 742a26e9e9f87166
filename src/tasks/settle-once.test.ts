import { describe, expect, it, onTestFinished } from 'vitest';
import { MinkeError } from '../errors/index.ts';
import { instancesOf, isSettled, type RunState } from '../model/run.ts';
import { seededRandom } from '../model/seeded-random.fixture.ts';
import { createBench, type Bench } from './tasks.fixture.ts';

// Random interleavings of everything that can end a run, restarts of the daemon among it. A seed gives the same steps
// again; what the store's thread does between them is its own.

const steps = 150;
const limit = 3;

describe('whatever happens in whatever order', () => {
  it.each([1, 2, 3, 4, 5, 6])('each run is settled exactly once and its container is gone (seed %i)', async (seed) => {
    const random = seededRandom(seed);
    const bench = await createBench({
      timeoutMs: 1000,
      concurrency: () => limit,
      onLaunch: () => {
        if (random() < 0.1)
          throw new MinkeError(random() < 0.5 ? 'STARTER_LOST' : 'INSTANCE_START_FAILED', { name: 'work' });
      },
      onStop: (instance) => instance.exit(random() < 0.5 ? 0 : 143, 'stopped'),
    });
    onTestFinished(async () => bench.dispose());
    await bench.tasks.recover();
    const story = createStory(bench, random);
    for (let step = 0; step < steps; step += 1) await story.step();
    await story.finish();

    const rows = await bench.store.runs.list({ limit: 1000 });
    const endings = bench.events.filter(({ kind }) => kind === 'run.ended').map(({ run }) => run);
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.filter(({ state }) => !isSettled(state))).toEqual([]);
    expect(endings).toHaveLength(rows.length);
    expect(new Set(endings)).toEqual(new Set(rows.map(({ id }) => id)));
    expect(bench.launcher.living()).toEqual([]);
    const count = (states: readonly RunState[]): number => rows.filter(({ state }) => states.includes(state)).length;
    expect(await bench.tasks.ledger()).toEqual({
      accepted: story.submitted(),
      waiting: 0,
      inFlight: 0,
      settled: count(['succeeded', 'failed', 'timed-out', 'cancelled']),
      dead: count(['dead']),
      removed: 0,
    });
    expect(rows.flatMap(instancesOf)).toHaveLength(new Set(rows.flatMap(instancesOf)).size);
    expect(story.mostLiving()).toBeLessThanOrEqual(2 * limit);
  });
});

interface Story {
  step(): Promise<void>;
  /** Ends all that lives until nothing is unsettled. */
  finish(): Promise<void>;
  mostLiving(): number;
  submitted(): number;
}

function createStory(bench: Bench, random: () => number): Story {
  const ids: string[] = [];
  const cancels: Promise<unknown>[] = [];
  let most = 0;
  const any = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];

  const submit = async (): Promise<void> => {
    const name = random() < 0.5 ? 'work' : 'play';
    const retries = { max: Math.floor(random() * 3), firstMs: 100, longestMs: 1000 };
    const expiry = random() < 0.1 ? { maxAgeMs: 1500 } : {};
    const delay = random() < 0.2 ? { notBefore: bench.clock.now() + Math.floor(random() * 1000) } : {};
    ids.push((await bench.tasks.submit({ app: 'shop', target: { function: name }, retries, ...expiry, ...delay })).id);
  };
  const cancel = async (): Promise<void> => {
    const id = any(ids);
    // Settled before: refused, which is one of the outcomes.
    if (id !== undefined) cancels.push(bench.tasks.cancel(id, 'by chance').catch(() => undefined));
  };
  const exit = async (): Promise<void> => {
    const cause = any(['exited', 'exited', 'exited', 'lost', 'out-of-memory'] as const);
    any(bench.launcher.living())?.exit(Math.floor(random() * 3), cause);
  };
  const pass = async (): Promise<void> => bench.clock.advance(Math.floor(random() * 900));
  const restart = async (): Promise<void> => {
    if (random() < 0.7) return;
    await bench.restart();
    await bench.tasks.recover();
  };
  const look = async (): Promise<void> => void (await bench.tasks.list({ limit: 1 }));

  return {
    step: async () => {
      await any([submit, submit, cancel, exit, exit, pass, look, restart])?.();
      most = Math.max(most, bench.launcher.living().length);
    },
    finish: async () => {
      const all = Promise.all([...cancels, ...ids.map(async (id) => bench.tasks.wait(id))]);
      let isDone = false;
      void all.then(() => (isDone = true));
      while (!isDone) {
        await exit();
        // Pauses between attempts end.
        await pass();
        await look();
      }
      await all;
    },
    mostLiving: () => most,
    submitted: () => ids.length,
  };
}
