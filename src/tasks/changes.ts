import type { Id } from '../model/ids.ts';

/** Tells those who wait for a run that something about it is new. */
export interface Changes {
  notify(id: Id): void;
  /**
   * Looks now and after each change until there is something to see; undefined once aborted. No change is missed:
   * listening begins before the first look.
   */
  until<T>(id: Id, look: () => Promise<T | undefined>, signal?: AbortSignal): Promise<T | undefined>;
}

export function createChanges(): Changes {
  const listeners = new Map<Id, Set<() => void>>();

  const listen = (id: Id, listener: () => void): (() => void) => {
    const ofRun = listeners.get(id) ?? new Set();
    listeners.set(id, ofRun);
    ofRun.add(listener);
    return () => {
      ofRun.delete(listener);
      if (ofRun.size === 0 && listeners.get(id) === ofRun) listeners.delete(id);
    };
  };

  return {
    notify: (id) => {
      for (const listener of listeners.get(id) ?? []) listener();
    },
    until: async (id, look, signal) => {
      const bell = createBell();
      const leave = listen(id, bell.ring);
      signal?.addEventListener('abort', bell.ring);
      try {
        while (signal?.aborted !== true) {
          const rung = bell.next();
          const seen = await look();
          if (seen !== undefined) return seen;
          await rung;
        }
        return undefined;
      } finally {
        leave();
        signal?.removeEventListener('abort', bell.ring);
      }
    },
  };
}

interface Bell {
  readonly ring: () => void;
  /** Resolves at the first ring after this call. */
  readonly next: () => Promise<void>;
}

function createBell(): Bell {
  let current = Promise.withResolvers<void>();
  return {
    ring: () => current.resolve(),
    next: async () => {
      current = Promise.withResolvers<void>();
      return current.promise;
    },
  };
}
