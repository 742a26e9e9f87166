/**
 * At most `limit` of the tasks at a time. The first that fails aborts the others, and its error is the answer once all of them
 * have ended, so that nothing goes on behind the caller's back.
 */
export async function inParallel<T>(
  items: readonly T[],
  limit: number,
  outer: AbortSignal | undefined,
  task: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const ending = new AbortController();
  const signal = outer === undefined ? ending.signal : AbortSignal.any([outer, ending.signal]);
  const queue = [...items];
  const work = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      signal.throwIfAborted();
      await task(item, signal);
    }
  };
  const workers = Array.from({ length: limit }, async () => {
    try {
      await work();
    } catch (error) {
      ending.abort(error);
    }
  });
  await Promise.all(workers);
  signal.throwIfAborted();
}
