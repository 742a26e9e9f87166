import type { ServiceModel } from '../../model/app.ts';
import type { InstanceExit } from '../../model/instance.ts';

export type RestartPolicy = ServiceModel['restart'];

export type RestartDecision =
  | { readonly isRestarted: false }
  | {
      readonly isRestarted: true;
      readonly afterMs: number;
      /** Ends in a row of which each came soon after its start, this one included. */
      readonly quickEnds: number;
      readonly isCrashLoop: boolean;
    };

/** Docker's figures where it has some: it doubles from 100 ms and forgets after 10 s of life. */
const backOff = { firstMs: 100, lastMs: 30_000, forgottenAfterMs: 10_000 } as const;

/** From here on nobody takes it for bad luck; it is tried on all the same. */
const crashLoopAt = 5;

/** What becomes of a service whose instance has ended. `quickEnds`: those before this one. */
export function decideRestart(
  policy: RestartPolicy,
  exit: Pick<InstanceExit, 'code' | 'cause'>,
  livedMs: number,
  quickEnds: number,
): RestartDecision {
  // Somebody stopped it on purpose, and not to have it started again.
  if (exit.cause === 'stopped' || policy === 'no') return { isRestarted: false };
  if (policy === 'on-failure' && exit.code === 0 && exit.cause === 'exited') return { isRestarted: false };
  const before = livedMs >= backOff.forgottenAfterMs ? 0 : quickEnds;
  return {
    isRestarted: true,
    afterMs: Math.min(backOff.firstMs * 2 ** before, backOff.lastMs),
    quickEnds: before + 1,
    isCrashLoop: before + 1 >= crashLoopAt,
  };
}
