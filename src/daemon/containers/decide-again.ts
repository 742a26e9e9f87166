import type { ContainerRecord } from '../../model/container.ts';
import { decideRestart } from '../../model/restart-decision.ts';
import type { Run } from '../../model/run.ts';

/** A further life, after this one has settled. */
export interface Again {
  /** Unix milliseconds. */
  readonly at: number;
  readonly restarts: number;
  readonly quickEnds: number;
}

/**
 * Whether, and when, a container is started again by its policy, as Docker has it: undefined for never. One whose start failed is
 * not; `isBoot`: a daemon finds it ended, and then `always` is always, though somebody had stopped it.
 */
export function decideAgain(record: ContainerRecord, run: Run, { isBoot = false } = {}): Again | undefined {
  const { options, restarts, quickEnds, isStopped } = record;
  const { startedAt, endedAt, exitCode = 1 } = run;
  const { condition, maxRetries } = options.restart ?? { condition: 'no', maxRetries: 0 };
  if (startedAt === undefined || endedAt === undefined) return undefined;
  if (condition === 'on-failure' && maxRetries > 0 && restarts >= maxRetries) return undefined;
  const isWanted = !isStopped || (isBoot && condition === 'always');
  const end = { code: exitCode, cause: isWanted ? 'exited' : 'stopped' } as const;
  const decision = decideRestart({ condition }, end, endedAt - startedAt, quickEnds);
  if (!decision.isRestarted) return undefined;
  return { at: endedAt + decision.afterMs, restarts: restarts + 1, quickEnds: decision.quickEnds };
}
