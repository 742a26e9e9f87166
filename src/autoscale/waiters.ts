/** Requests that wait for an instance, first come first served. A wait ends with its signal. */
export interface Waiters<T> {
  readonly size: number;
  /** Rejects with the signal's reason, or as `failAll` says. */
  wait(signal: AbortSignal): Promise<T>;
  /** Serves the one that waits longest; false when nobody waits. */
  serve(value: T): boolean;
  failAll(error: Error): void;
}

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

export function createWaiters<T>(onGone: () => void): Waiters<T> {
  // Insertion order is the order of service; a waiter that gives up leaves without a search.
  const all = new Set<Waiter<T>>();
  return {
    get size() {
      return all.size;
    },
    wait: (signal) =>
      new Promise<T>((resolve, reject) => {
        const leave = (): void => {
          all.delete(waiter);
          signal.removeEventListener('abort', giveUp);
        };
        const giveUp = (): void => {
          leave();
          reject(signal.reason as Error);
          onGone();
        };
        const waiter: Waiter<T> = {
          resolve: (value) => {
            leave();
            resolve(value);
          },
          reject: (error) => {
            leave();
            reject(error);
          },
        };
        all.add(waiter);
        signal.addEventListener('abort', giveUp, { once: true });
      }),
    serve: (value) => {
      const [first] = all;
      first?.resolve(value);
      return first !== undefined;
    },
    failAll: (error) => {
      for (const waiter of all) waiter.reject(error);
    },
  };
}
