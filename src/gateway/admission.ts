import { MinkeError } from '../errors/index.ts';
import type { Target } from './capacity.ts';

/**
 * Who may go on and who waits, per function:
 *
 *   arrives -> inside (fewer than `concurrency`) -> left
 *          \-> waits (fewer than `queueMax`), first come first served -> inside
 *          \-> QUEUE_FULL
 *
 * A wait ends with the caller's signal, so that waiting counts against the one deadline of the request.
 */
export interface Admission {
  /** Counts a request from its arrival on, until the answer is called. */
  count(target: Target): () => void;
  /** Resolves to the function that gives the place back; calling it again does nothing. */
  enter(target: Target, signal: AbortSignal): Promise<() => void>;
  /** Runs a wait that somebody else bounds in width (for an instance, say), and bounds how many wait so; default as `enter`. */
  hold<T>(target: Target, wait: () => Promise<T>, limit?: number): Promise<T>;
  load(target: Pick<Target, 'app' | 'name'>): Load;
}

/** Requests to one function. */
export interface Load {
  /** Being worked on. */
  readonly running: number;
  readonly waiting: number;
}

interface Door {
  /** All that have arrived and not left. */
  calls: number;
  inside: number;
  /** Insertion order is the order of service; a waiter that gives up leaves without a search. */
  readonly waiters: Set<() => void>;
  held: number;
}

export function createAdmission(queueMax: number): Admission {
  const doors = new Map<string, Door>();

  const doorOf = (target: Target): Door => {
    const key = keyOf(target);
    const door = doors.get(key) ?? { calls: 0, inside: 0, waiters: new Set(), held: 0 };
    doors.set(key, door);
    return door;
  };

  const forgetIdle = (target: Target, door: Door): void => {
    if (door.calls + door.inside + door.waiters.size + door.held === 0) doors.delete(keyOf(target));
  };

  const leave = (target: Target, door: Door): (() => void) => {
    let isInside = true;
    return () => {
      if (!isInside) return;
      isInside = false;
      const [next] = door.waiters;
      if (next === undefined) door.inside -= 1;
      else next();
      forgetIdle(target, door);
    };
  };

  return {
    count: (target) => {
      const door = doorOf(target);
      door.calls += 1;
      return () => {
        door.calls -= 1;
        forgetIdle(target, door);
      };
    },
    enter: async (target, signal) => {
      signal.throwIfAborted();
      const door = doorOf(target);
      if (door.inside < target.concurrency) door.inside += 1;
      else {
        refuseWhenFull(target, door.waiters.size, target.queueMax ?? queueMax);
        await turn(door, signal);
      }
      return leave(target, door);
    },
    hold: async (target, wait, limit = target.queueMax ?? queueMax) => {
      const door = doorOf(target);
      refuseWhenFull(target, door.held, limit);
      door.held += 1;
      try {
        return await wait();
      } finally {
        door.held -= 1;
        forgetIdle(target, door);
      }
    },
    load: (target) => {
      const { calls = 0, waiters, held = 0 } = doors.get(keyOf(target)) ?? {};
      const waiting = held + (waiters?.size ?? 0);
      // A connection to a service that speaks something else may wait too, and is no request.
      return { running: Math.max(0, calls - waiting), waiting };
    },
  };
}

const keyOf = ({ app, name }: Pick<Target, 'app' | 'name'>): string => `${app}\0${name}`;

function refuseWhenFull(target: Target, waiting: number, limit: number): void {
  if (waiting >= limit) throw new MinkeError('QUEUE_FULL', { name: target.name, limit });
}

/** The place of the one who left is handed over: `inside` does not change. */
function turn(door: Door, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      door.waiters.delete(enter);
      signal.removeEventListener('abort', giveUp);
      act();
    };
    const enter = (): void => settle(resolve);
    const giveUp = (): void => settle(() => reject(signal.reason));
    door.waiters.add(enter);
    signal.addEventListener('abort', giveUp, { once: true });
  });
}
