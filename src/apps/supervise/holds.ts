/** Apps in which nothing is restarted for a while, counted: two holds end with the second release. */
export interface Holds {
  hold(app: string): () => void;
  isHeld(app: string): boolean;
  /** Resolves when the hold of now is over, or on abort. */
  until(app: string, signal: AbortSignal): Promise<void>;
}

export function createHolds(): Holds {
  const held = new Map<string, { count: number; readonly ended: PromiseWithResolvers<void> }>();
  return {
    hold: (app) => {
      const entry = held.get(app) ?? { count: 0, ended: Promise.withResolvers<void>() };
      held.set(app, entry);
      entry.count += 1;
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        entry.count -= 1;
        if (entry.count > 0) return;
        held.delete(app);
        entry.ended.resolve();
      };
    },
    isHeld: (app) => held.has(app),
    until: async (app, signal) => {
      const entry = held.get(app);
      if (entry !== undefined) await orAborted(entry.ended.promise, signal);
    },
  };
}

/** What the promise resolves to, or undefined once the signal is aborted. Leaves no listener behind. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return undefined;
  const abort = Promise.withResolvers<undefined>();
  const onAbort = (): void => abort.resolve(undefined);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, abort.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
