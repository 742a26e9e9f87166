import type { RestartBounds, ServiceModel } from './app.ts';
import type { LifeEnd } from './service-end.ts';

export interface RestartPolicy {
  readonly condition: ServiceModel['restart'];
  readonly bounds?: RestartBounds;
}

export type RestartDecision =
  | {
      readonly isRestarted: false;
      /** `completed`: it ended well. `policy`: it is not to be started again. `attempts`: it was, as often as it may. */
      readonly why: 'stopped' | 'completed' | 'policy' | 'attempts';
    }
  | {
      readonly isRestarted: true;
      readonly afterMs: number;
      /** Ends in a row of which each came soon after it was ready, or before, this one included. */
      readonly quickEnds: number;
      readonly isCrashLoop: boolean;
    };

/** Docker's figures: it doubles from 100 ms to 1 min, and forgets after 10 s of running well. */
const backOff = { firstMs: 100, lastMs: 60_000, forgottenAfterMs: 10_000 } as const;

/** From here on nobody takes it for bad luck; it is tried on all the same. */
const crashLoopAt = 5;

/** Milliseconds after which a service that is ready runs well. */
export const runsWellAfterMs = ({ bounds }: RestartPolicy): number => bounds?.windowMs ?? backOff.forgottenAfterMs;

/**
 * What becomes of a service whose life has ended. `wellMs`: how long it had been ready (0 = it never was). `quickEnds`: those
 * before this one.
 */
export function decideRestart(policy: RestartPolicy, end: LifeEnd, wellMs: number, quickEnds: number): RestartDecision {
  const { condition, bounds = {} } = policy;
  // Somebody stopped it on purpose, and not to have it started again.
  if (end.cause === 'stopped') return { isRestarted: false, why: 'stopped' };
  const isWell = end.code === 0 && end.cause === 'exited';
  if (condition === 'no' || (condition === 'on-failure' && isWell))
    return { isRestarted: false, why: isWell ? 'completed' : 'policy' };
  const before = wellMs >= runsWellAfterMs(policy) ? 0 : quickEnds;
  // As Docker has it, 0 is without end.
  const { maxAttempts = 0, delayMs } = bounds;
  if (maxAttempts > 0 && before >= maxAttempts) return { isRestarted: false, why: 'attempts' };
  return {
    isRestarted: true,
    afterMs: delayMs ?? Math.min(backOff.firstMs * 2 ** before, backOff.lastMs),
    quickEnds: before + 1,
    isCrashLoop: before + 1 >= crashLoopAt,
  };
}
