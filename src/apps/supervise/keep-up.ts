import type { Instance } from '../../engines/engine.ts';
import { MinkeError, toMinkeError } from '../../errors/index.ts';
import type { LifeEnd } from '../../model/service-end.ts';
import { changed, note, type Keeping, type Kept } from './kept.ts';
import { liveOn } from './life.ts';
import { decideRestart, type RestartDecision } from '../../model/restart-decision.ts';

/**
 * The lives in a place of a service:
 *
 *   starting --ready, healthy--> published --ends, or unhealthy--> (policy) --no--> completed or given up
 *      ^  |                                                         ^   | yes
 *      |  +-- ends, is not ready in time, or unhealthy -------------+   |
 *      +--------------------------- pause <-----------------------------+
 *
 * It is left at once when it is released, or when its app has no such place any more.
 */
export async function keepUp(kept: Kept, keeping: Keeping): Promise<void> {
  while (kept.instance !== undefined) {
    const ended = await liveOn(kept, keeping, kept.instance);
    if (ended === undefined) return;
    const { end, wellMs } = ended;
    kept.lastEnd = end;
    await settle(kept, keeping, kept.instance, end);
    await bringBack(kept, keeping, end, wellMs);
  }
}

/** Nothing of this life is left: the name leads to it no more, and what minke ends is gone. */
async function settle(kept: Kept, keeping: Keeping, instance: Instance, end: LifeEnd & { at: number }): Promise<void> {
  const { hands } = keeping;
  const livedMs = end.at - instance.startedAt;
  const isOurs = end.cause === 'unhealthy' || end.cause === 'not-ready';
  note(kept, keeping, 'service.ended', { ...(isOurs ? {} : { exitCode: end.code }), cause: end.cause, livedMs });
  if (end.cause !== 'unhealthy') await unpublish(kept, keeping, instance);
  if (isOurs) await hands.stop(instance).catch(() => undefined);
  kept.former = instance;
  kept.instance = undefined;
  kept.readyAt = undefined;
  kept.health = undefined;
  changed(kept);
}

async function unpublish(kept: Kept, keeping: Keeping, instance: Instance): Promise<void> {
  await keeping.hands.unpublish(instance).catch((error: unknown) => {
    note(kept, keeping, 'service.unpublish-failed', { error: toMinkeError(error).toJSON() });
  });
}

/** Starts it anew until it runs; leaves it without an instance when that is not wanted any more. */
async function bringBack(
  kept: Kept,
  keeping: Keeping,
  first: LifeEnd & { readonly at: number },
  wellMs: number,
): Promise<void> {
  let end: LifeEnd = first;
  let decision = decide(kept, keeping, end, wellMs);
  while (decision?.isRestarted === true) {
    if (!(await pause(kept, keeping, decision.afterMs))) return;
    const failure = await reviveUnheld(kept, keeping);
    if (kept.instance !== undefined || kept.released.signal.aborted || failure === undefined) return;
    // A start that failed is a life of no length.
    end = { code: 1, cause: 'not-started' };
    kept.lastEnd = { ...end, at: keeping.clock.now() };
    decision = decide(kept, keeping, end, 0);
  }
  if (decision !== undefined) await giveUp(kept, keeping, end, decision.why);
}

/** It is written down before anybody sees it, so that whoever saw it sees it again under the next daemon. */
async function giveUp(kept: Kept, keeping: Keeping, end: LifeEnd, why: string): Promise<void> {
  const { code, cause } = end;
  const state = why === 'completed' ? 'completed' : 'given-up';
  const outcome = { state, code, cause, restarts: kept.restarts, at: keeping.clock.now() } as const;
  note(kept, keeping, `service.${state}`, { exitCode: code, cause, why, restarts: kept.restarts });
  await keeping.hands.settled(kept, outcome, kept.former);
  kept.outcome = outcome;
  changed(kept);
}

/** Waits for a hold to end; the look at it and the start are one step, so that none slips in between. */
async function reviveUnheld(kept: Kept, keeping: Keeping): Promise<MinkeError | undefined> {
  const { signal } = kept.released;
  while (keeping.holds.isHeld(kept) && !signal.aborted) await keeping.holds.until(kept, signal);
  if (signal.aborted || keeping.hands.policyOf(kept) === undefined) return undefined;
  const starting = revive(kept, keeping);
  kept.reviving = starting.then(() => undefined);
  const failure = await starting;
  kept.reviving = undefined;
  return failure;
}

/** Undefined: its app has no such place any more. */
function decide(kept: Kept, keeping: Keeping, end: LifeEnd, wellMs: number): RestartDecision | undefined {
  const policy = keeping.hands.policyOf(kept);
  if (policy === undefined) return undefined;
  const decision = decideRestart(policy.restart, end, wellMs, kept.quickEnds);
  if (!decision.isRestarted) return decision;
  const { afterMs, quickEnds, isCrashLoop } = decision;
  if (isCrashLoop && !kept.isCrashLoop) {
    const error = new MinkeError('CRASH_LOOP', { name: kept.service, ends: quickEnds, reason: describeEnd(end) });
    note(kept, keeping, 'service.crash-loop', { quickEnds, error: error.toJSON() });
  }
  kept.quickEnds = quickEnds;
  kept.isCrashLoop = isCrashLoop;
  note(kept, keeping, 'service.restarting', { afterMs, quickEnds });
  changed(kept);
  return decision;
}

/** For people: the end of a sentence about the service. */
export function describeEnd({ code, cause }: LifeEnd): string {
  if (cause === 'out-of-memory') return 'the kernel ended it for its memory';
  if (cause === 'unhealthy') return 'its health check failed';
  if (cause === 'not-ready') return 'it was not ready in time';
  if (cause === 'not-started') return 'it could not be started';
  return cause === 'exited' ? `it ended with exit code ${code}` : `it ended (${cause}) with exit code ${code}`;
}

/** False: it was released while it waited. */
async function pause({ released }: Kept, { clock }: Keeping, afterMs: number): Promise<boolean> {
  try {
    await clock.sleep(afterMs, released.signal);
    return true;
  } catch (error) {
    if (released.signal.aborted) return false;
    throw error;
  }
}

/** Never rejects; answers why it could not be started. What was started and is not wanted any more is stopped. */
async function revive(kept: Kept, keeping: Keeping): Promise<MinkeError | undefined> {
  const { hands } = keeping;
  const { released } = kept;
  try {
    const instance = await hands.start(kept);
    if (released.signal.aborted) {
      await hands.stop(instance).catch(() => undefined);
      return undefined;
    }
    kept.instance = instance;
    kept.restarts += 1;
    changed(kept);
    return undefined;
  } catch (error) {
    const failure = toMinkeError(error);
    if (!released.signal.aborted) note(kept, keeping, 'service.start-failed', { error: failure.toJSON() });
    kept.failure = failure;
    return failure;
  }
}
