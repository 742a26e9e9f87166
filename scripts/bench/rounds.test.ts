import { expect, it } from 'vitest';
import { race, timed, type Contestant } from './rounds.ts';

function contestant(name: string, turns: string[]): Contestant {
  return {
    name,
    batch: async () => {
      turns.push(name);
      return { ms: [turns.length], tookMs: 1 };
    },
  };
}

it('gives every contestant a turn in every round, another one first each time, and does not count the first round', async () => {
  const turns: string[] = [];
  const results = await race([contestant('a', turns), contestant('b', turns)], 2);
  expect(turns).toEqual(['a', 'b', 'b', 'a', 'a', 'b']);
  expect(Object.fromEntries(results)).toEqual({ a: { ms: [4, 5], tookMs: 2 }, b: { ms: [3, 6], tookMs: 2 } });
});

it('ends with the failure of a contestant: what fails fast is not fast', async () => {
  const failing: Contestant = { name: 'c', batch: async () => await Promise.reject(new Error('exit code 1')) };
  await expect(race([contestant('a', []), failing], 2)).rejects.toThrow('exit code 1');
});

it('runs as many operations as were asked for, no more at a time than allowed', async () => {
  let [running, most] = [0, 0];
  const workers = new Set<number>();
  const { ms } = await timed(10, 3, async (worker) => {
    workers.add(worker);
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running -= 1;
  });
  expect({ done: ms.length, most, workers: [...workers] }).toEqual({ done: 10, most: 3, workers: [0, 1, 2] });
});
