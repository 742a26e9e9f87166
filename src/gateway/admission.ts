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
  /** Resolves to the function that gives the place back; calling it again does nothing. */
  enter(target: Target, signal: AbortSignal): Promise<() => void>;
  /** Runs a wait that somebody else bounds in width (for an instance, say), and bounds how many wait so. */
  hold<T>(target: Target, wait: () => Promise<T>): Promise<T>;
}

interface Door {
  inside: number;
  /** Insertion order is the order of service; a waiter that gives up leaves without a search. */
  readonly waiters: Set<() => void>;
  held: number;
}

export function createAdmission(queueMax: number): Admission {
  const doors = new Map<string, Door>();

  const doorOf = (target: Target): Door => {
    const key = keyOf(target);
    const door = doors.get(key) ?? { inside: 0, waiters: new Set(), held: 0 };
    doors.set(key, door);
    return door;
  };

  const forgetIdle = (target: Target, door: Door): void => {
    if (door.inside + door.waiters.size + door.held === 0) doors.delete(keyOf(target));
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
    enter: async (target, signal) => {
      signal.throwIfAborted();
      const door = doorOf(target);
      if (door.inside < target.concurrency) door.inside += 1;
      else {
        refuseWhenFull(target, door.waiters.size, queueMax);
        await turn(door, signal);
      }
      return leave(target, door);
    },
    hold: async (target, wait) => {
      const door = doorOf(target);
      refuseWhenFull(target, door.held, queueMax);
      door.held += 1;
      try {
        return await wait();
      } finally {
        door.held -= 1;
        forgetIdle(target, door);
      }
    },
  };
}

const keyOf = ({ app, name }: Target): string => `${app}\0${name}`;

function refuseWhenFull(target: Target, waiting: number, queueMax: number): void {
  const limit = target.queueMax ?? queueMax;
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
