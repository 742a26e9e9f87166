import type { Id } from '../model/ids.ts';
import type { Run } from '../model/run.ts';
import { laneOf } from './target.ts';

/** A queued run as the dispatcher keeps it: the row has the rest. */
export interface WaitingRun extends Pick<Run, 'id' | 'app' | 'target' | 'attempts'> {
  /** How often its instance was lost since this daemon began. */
  readonly losses: number;
  /** When it must have begun. */
  readonly expiresAt?: number;
}

/**
 * Who is next. Each target has a lane of its own with its own limit, first in, first out; lanes with somebody who may
 * start take turns, so that ten thousand in one lane do not delay the one in another.
 */
export interface Lanes {
  /** To the end of its lane; nothing when it waits already. */
  add(run: WaitingRun): void;
  /** The next that may start; it occupies its lane until `release`. Undefined when nobody may. */
  take(): WaitingRun | undefined;
  /** For a run that lives already: it counts, whatever the limit. */
  occupy(run: Pick<Run, 'app' | 'target'>): void;
  release(run: Pick<Run, 'app' | 'target'>): void;
  /** Waits no more. */
  drop(id: Id): void;
  /** Those that wait and should have begun by now. */
  expired(now: number): readonly WaitingRun[];
}

interface Lane {
  readonly waiting: Map<Id, WaitingRun>;
  busy: number;
}

export function createLanes(limitOf: (run: Pick<Run, 'app' | 'target'>) => number): Lanes {
  // In the order of their turns: a lane that had its turn goes to the end.
  const lanes = new Map<string, Lane>();
  const laneOfWaiting = new Map<Id, string>();

  const laneAt = (key: string): Lane => {
    const lane = lanes.get(key) ?? { waiting: new Map<Id, WaitingRun>(), busy: 0 };
    lanes.set(key, lane);
    return lane;
  };
  const forgetIfIdle = (key: string): void => {
    const lane = lanes.get(key);
    if (lane?.busy === 0 && lane.waiting.size === 0) lanes.delete(key);
  };
  const drop = (id: Id): void => {
    const key = laneOfWaiting.get(id);
    if (key === undefined) return;
    laneOfWaiting.delete(id);
    lanes.get(key)?.waiting.delete(id);
    forgetIfIdle(key);
  };

  return {
    add: (run) => {
      if (laneOfWaiting.has(run.id)) return;
      const key = laneOf(run);
      laneAt(key).waiting.set(run.id, run);
      laneOfWaiting.set(run.id, key);
    },
    take: () => {
      for (const [key, lane] of lanes) {
        const [first] = lane.waiting.values();
        if (first === undefined || lane.busy >= limitOf(first)) continue;
        lane.busy += 1;
        lane.waiting.delete(first.id);
        laneOfWaiting.delete(first.id);
        lanes.delete(key);
        lanes.set(key, lane);
        return first;
      }
      return undefined;
    },
    occupy: (run) => void (laneAt(laneOf(run)).busy += 1),
    release: (run) => {
      const key = laneOf(run);
      laneAt(key).busy -= 1;
      forgetIfIdle(key);
    },
    drop,
    expired: (now) =>
      [...lanes.values()].flatMap(({ waiting }) =>
        [...waiting.values()].filter(({ expiresAt = Infinity }) => expiresAt <= now),
      ),
  };
}
