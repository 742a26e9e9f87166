import type { Instance } from '../../engines/engine.ts';
import { toMinkeError } from '../../errors/index.ts';
import type { InstanceExit } from '../../model/instance.ts';
import { orAborted, type Holds } from './holds.ts';
import { decideRestart, type RestartDecision } from './restart-decision.ts';
import type { SupervisorOptions } from './supervisor.ts';

/** One service that is kept up. Changed by its own loop only. */
export interface Kept {
  readonly app: string;
  readonly service: string;
  /** Undefined between two lives. */
  instance: Instance | undefined;
  readonly released: AbortController;
  quickEnds: number;
  isCrashLoop: boolean;
  restarts: number;
  /** A start that is under way. */
  reviving: Promise<void> | undefined;
  done: Promise<void>;
}

export interface Keeping extends SupervisorOptions {
  readonly holds: Holds;
}

/**
 * The life of a kept service:
 *
 *   running --ends--> (policy) --no--> given up
 *      ^                 | yes
 *      |                 v
 *      +--ready-- start <-- pause <--+
 *                   |                |
 *                   +-----fails------+
 *
 * It is left at once when it is released, or when its service is no longer part of its app.
 */
export async function keepUp(kept: Kept, keeping: Keeping): Promise<void> {
  const { signal } = kept.released;
  while (kept.instance !== undefined) {
    const exit = await orAborted(kept.instance.exited, signal);
    if (signal.aborted || exit === undefined) return;
    const livedMs = exit.at - kept.instance.startedAt;
    note(kept, keeping, 'service.ended', { exitCode: exit.code, cause: exit.cause, livedMs });
    kept.instance = undefined;
    await keeping.hands.unpublish(kept.app, kept.service).catch((error: unknown) => {
      note(kept, keeping, 'service.unpublish-failed', { error: toMinkeError(error).toJSON() });
    });
    await bringBack(kept, keeping, exit, livedMs);
  }
}

/** Starts it anew until it is ready; leaves it without an instance when that is not wanted any more. */
async function bringBack(kept: Kept, keeping: Keeping, exit: InstanceExit, livedMs: number): Promise<void> {
  let decision = decide(kept, keeping, exit, livedMs);
  while (decision?.isRestarted === true) {
    if (!(await pause(kept, keeping, decision.afterMs))) return;
    await reviveUnheld(kept, keeping);
    if (kept.instance !== undefined || kept.released.signal.aborted) return;
    // A start that failed is a life of no length.
    decision = decide(kept, keeping, { code: 1, cause: 'exited' }, 0);
  }
  if (decision !== undefined) note(kept, keeping, 'service.given-up', { exitCode: exit.code });
}

/** Waits for a hold to end; the look at it and the start are one step, so that none slips in between. */
async function reviveUnheld(kept: Kept, keeping: Keeping): Promise<void> {
  const { signal } = kept.released;
  while (keeping.holds.isHeld(kept.app) && !signal.aborted) await keeping.holds.until(kept.app, signal);
  if (signal.aborted || keeping.hands.restartPolicy(kept.app, kept.service) === undefined) return;
  kept.reviving = revive(kept, keeping);
  await kept.reviving;
  kept.reviving = undefined;
}

/** Undefined: the service is no longer part of its app. */
function decide(
  kept: Kept,
  keeping: Keeping,
  exit: Pick<InstanceExit, 'code' | 'cause'>,
  livedMs: number,
): RestartDecision | undefined {
  const policy = keeping.hands.restartPolicy(kept.app, kept.service);
  if (policy === undefined) return undefined;
  const decision = decideRestart(policy, exit, livedMs, kept.quickEnds);
  if (!decision.isRestarted) return decision;
  const { afterMs, quickEnds, isCrashLoop } = decision;
  if (isCrashLoop && !kept.isCrashLoop) note(kept, keeping, 'service.crash-loop', { quickEnds });
  kept.quickEnds = quickEnds;
  kept.isCrashLoop = isCrashLoop;
  note(kept, keeping, 'service.restarting', { afterMs, quickEnds });
  return decision;
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

/** Never rejects: what fails is recorded, and what was started in vain is stopped. */
async function revive(kept: Kept, keeping: Keeping): Promise<void> {
  const { hands } = keeping;
  const { app, service, released } = kept;
  let instance: Instance | undefined;
  try {
    instance = await hands.start(app, service);
    released.signal.throwIfAborted();
    await hands.waitReady(app, service, instance, released.signal);
    released.signal.throwIfAborted();
    await hands.publish(app, service, instance);
    released.signal.throwIfAborted();
    kept.instance = instance;
    kept.restarts += 1;
    note(kept, keeping, 'service.started', { restarts: kept.restarts });
  } catch (error) {
    if (!released.signal.aborted) {
      note(kept, keeping, 'service.start-failed', { error: toMinkeError(error).toJSON() });
    }
    if (instance !== undefined) await hands.stop(app, service, instance).catch(() => undefined);
  }
}

function note(kept: Kept, { clock, record }: Keeping, kind: string, facts: Readonly<Record<string, unknown>>): void {
  const { app, service: name, instance } = kept;
  record({
    at: clock.now(),
    kind,
    app,
    name,
    ...(instance === undefined ? {} : { instance: instance.handle.id }),
    facts,
  });
}
