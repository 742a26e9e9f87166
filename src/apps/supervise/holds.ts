import { orAborted } from '../../observe/or-aborted.ts';
import type { ServicePlace } from '../../model/service-place.ts';

/** Apps in which nothing is restarted for a while, counted: two holds end with the second release. */
export interface Holds {
  hold(app: string): () => void;
  /** The holds of now are over for this place: whoever holds its app has dealt with it. */
  exempt(place: ServicePlace): void;
  isHeld(place: ServicePlace): boolean;
  /** Resolves when the place is not held any more, or on abort. */
  until(place: ServicePlace, signal: AbortSignal): Promise<void>;
}

interface Hold {
  count: number;
  readonly exempt: Set<string>;
  /** Settled when it ends, and when a place is exempted. */
  changed: PromiseWithResolvers<void>;
}

export function createHolds(): Holds {
  const held = new Map<string, Hold>();
  const keyOf = ({ service, replica }: ServicePlace): string => `${service}.${replica}`;
  const isHeld = (place: ServicePlace): boolean => held.get(place.app)?.exempt.has(keyOf(place)) === false;
  return {
    hold: (app) => {
      const entry = held.get(app) ?? { count: 0, exempt: new Set(), changed: Promise.withResolvers<void>() };
      held.set(app, entry);
      // What one plan has dealt with, the next has to be dealing with anew.
      entry.exempt.clear();
      entry.count += 1;
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        entry.count -= 1;
        if (entry.count > 0) return;
        held.delete(app);
        entry.changed.resolve();
      };
    },
    exempt: (place) => {
      const entry = held.get(place.app);
      if (entry === undefined) return;
      entry.exempt.add(keyOf(place));
      entry.changed.resolve();
      entry.changed = Promise.withResolvers();
    },
    isHeld,
    until: async (place, signal) => {
      const { app } = place;
      for (let entry = held.get(app); entry !== undefined && !signal.aborted; entry = held.get(app)) {
        if (!isHeld(place)) return;
        await orAborted(entry.changed.promise, signal);
      }
    },
  };
}
