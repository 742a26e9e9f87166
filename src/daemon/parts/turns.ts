export type Turns = <T>(key: string, task: () => Promise<T>) => Promise<T>;

/** Tasks of one key run one after the other. */
export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return async (key, task) => {
    const mine = (last.get(key) ?? Promise.resolve()).then(task, task);
    last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (last.get(key) === mine) last.delete(key);
    }
  };
}
