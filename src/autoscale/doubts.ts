/**
 * Which instances hang. One request may take too long alone, however many like it there are at once: a slow handler is no hung
 * instance, and replacing it would end what it works on. An instance hangs when a request ran out of its time, another one that it
 * was given only after that did too, and no answer of it began in between.
 */
export interface Doubts<I extends WeakKey> {
  /** It began an answer, `at` a moment of a monotonic clock (as all here). */
  answered(instance: I, at: number): void;
  /** A request that it was given at `leasedAt` got no answer in its time. True = it hangs. */
  late(instance: I, leasedAt: number, at: number): boolean;
}

export function createDoubts<I extends WeakKey>(): Doubts<I> {
  const lastAnswer = new WeakMap<I, number>();
  const doubtedSince = new WeakMap<I, number>();
  return {
    answered: (instance, at) => {
      lastAnswer.set(instance, at);
      doubtedSince.delete(instance);
    },
    late: (instance, leasedAt, at) => {
      if ((lastAnswer.get(instance) ?? 0) > leasedAt) return false;
      const since = doubtedSince.get(instance);
      if (since === undefined) doubtedSince.set(instance, at);
      return since !== undefined && leasedAt >= since;
    },
  };
}
