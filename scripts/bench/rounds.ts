import { joined, nothing, type Batch } from './statistics.ts';

/** One of those that are compared: it does the same work as the others in its own way. */
export interface Contestant {
  /** Key of its result. */
  readonly name: string;
  /** One batch of operations, each of them checked; rejects when one fails. */
  batch(): Promise<Batch>;
}

/**
 * Lets all have a turn in every round, so that whatever else the machine does hits them alike, and lets each begin a round
 * in its turn. The first round is for warming up and does not count.
 */
export async function race(
  contestants: readonly Contestant[],
  rounds: number,
  onRound: (round: number) => void = () => undefined,
): Promise<ReadonlyMap<string, Batch>> {
  const results = new Map<string, Batch>();
  for (let round = 0; round <= rounds; round++) {
    onRound(round);
    const first = round % contestants.length;
    for (const { name, batch } of [...contestants.slice(first), ...contestants.slice(0, first)]) {
      const done = await batch();
      if (round > 0) results.set(name, joined(results.get(name) ?? nothing, done));
    }
  }
  return results;
}

/** `count` operations, `parallel` at a time; `worker` tells which of those that run side by side it is. */
export async function timed(
  count: number,
  parallel: number,
  operate: (worker: number) => Promise<void>,
): Promise<Batch> {
  const ms: number[] = [];
  let begun = 0;
  const startedAt = performance.now();
  const work = async (worker: number): Promise<void> => {
    while (begun < count) {
      begun += 1;
      const at = performance.now();
      await operate(worker);
      ms.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: parallel }, async (_, worker) => await work(worker)));
  return { ms, tookMs: performance.now() - startedAt };
}
