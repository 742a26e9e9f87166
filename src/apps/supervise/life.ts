import type { Instance } from '../../engines/engine.ts';
import { watchHealth } from '../../engines/health.ts';
import { MinkeError, toMinkeError } from '../../errors/index.ts';
import type { Health } from '../../model/health.ts';
import type { LifeEnd } from '../../model/service-end.ts';
import { unchecked, type HealthRules } from '../../model/health-decision.ts';
import { orAborted } from '../../observe/or-aborted.ts';
import { changed, note, type Keeping, type Kept } from './kept.ts';

export interface EndedLife {
  readonly end: LifeEnd & { readonly at: number };
  /** How long it had been ready. */
  readonly wellMs: number;
}

/**
 * One life of a kept service: it becomes ready, is published, and is looked after until it ends or has to be ended. Undefined: it
 * was released first.
 */
export async function liveOn(kept: Kept, keeping: Keeping, instance: Instance): Promise<EndedLife | undefined> {
  const { signal } = kept.released;
  const life = new AbortController();
  const either = AbortSignal.any([signal, life.signal]);
  const ended = instance.exited.then(({ code, cause, at }): EndedLife['end'] => ({ code, cause, at }));
  const attended = attend(kept, keeping, instance, either).then(async (cause) => {
    // What is about to be replaced may be in the hands of a deploy.
    while (keeping.holds.isHeld(kept) && !either.aborted) await keeping.holds.until(kept, either);
    return { code: 1, cause, at: keeping.clock.now() } as const;
  });
  // Ends by abort, when nobody listens any more.
  attended.catch(() => undefined);
  const end = await orAborted(Promise.race([ended, attended]), signal);
  life.abort();
  if (signal.aborted || end === undefined) return undefined;
  return { end, wellMs: kept.readyAt === undefined ? 0 : end.at - kept.readyAt };
}

/** Resolves when it has to be ended; rejects on abort. */
async function attend(
  kept: Kept,
  keeping: Keeping,
  instance: Instance,
  signal: AbortSignal,
): Promise<'unhealthy' | 'not-ready'> {
  for (;;) {
    const renewed = new AbortController();
    kept.renewed = renewed;
    const either = AbortSignal.any([signal, renewed.signal]);
    const rules = keeping.hands.policyOf(kept)?.health;
    kept.rules = JSON.stringify(rules);
    try {
      if (rules !== undefined) return await followHealth(kept, keeping, instance, rules, either);
      kept.health = undefined;
      await becomeReady(kept, keeping, instance, either);
      await aborted(either);
      either.throwIfAborted();
    } catch (error) {
      signal.throwIfAborted();
      if (renewed.signal.aborted) continue;
      const failure = toMinkeError(error);
      // One that ended of itself says so by its exit, which comes first.
      if (failure.code === 'INSTANCE_START_FAILED') await aborted(signal);
      signal.throwIfAborted();
      fail(kept, keeping, failure);
      if (isReplaced(kept, keeping)) return 'not-ready';
    }
  }
}

/** Resolves on abort, and leaves nothing behind. */
const aborted = async (signal: AbortSignal): Promise<void> =>
  await orAborted(new Promise<never>(() => undefined), signal);

/** The port answers. */
async function becomeReady(kept: Kept, keeping: Keeping, instance: Instance, signal: AbortSignal): Promise<void> {
  if (kept.readyAt !== undefined) return;
  await keeping.hands.waitReady(instance, signal);
  await publish(kept, keeping, instance, signal);
}

async function publish(kept: Kept, keeping: Keeping, instance: Instance, signal: AbortSignal): Promise<void> {
  const { hands, clock } = keeping;
  signal.throwIfAborted();
  await hands.publish(instance);
  signal.throwIfAborted();
  kept.readyAt = clock.now();
  if (kept.restarts > 0) note(kept, keeping, 'service.started', { restarts: kept.restarts });
  changed(kept);
}

function fail(kept: Kept, keeping: Keeping, error: MinkeError): void {
  note(kept, keeping, 'service.start-failed', { error: error.toJSON() });
  kept.failure = error;
  kept.failures += 1;
  changed(kept);
}

/**
 * Checks it for as long as it lives. Its first success publishes it; what was published and turns unhealthy gets no traffic any
 * more. Resolves when it is to be replaced, which its restart policy may forbid: then it is published again once it is well.
 */
async function followHealth(
  kept: Kept,
  keeping: Keeping,
  instance: Instance,
  rules: HealthRules,
  signal: AbortSignal,
): Promise<'unhealthy'> {
  const { hands, clock } = keeping;
  kept.health = unchecked;
  changed(kept);
  const check = async () => await hands.check(instance, rules, signal);
  for await (const { before, health } of watchHealth({ rules, startedAt: instance.startedAt, clock, check, signal })) {
    kept.health = health;
    if (health.state !== before.state) tell(kept, keeping, health);
    if (health.state === 'healthy' && kept.readyAt === undefined) await publish(kept, keeping, instance, signal);
    if (health.state === 'unhealthy' && before.state !== 'unhealthy') {
      // At once, however long its replacement may have to wait for a deploy.
      await hands.unpublish(instance);
      if (isReplaced(kept, keeping)) return 'unhealthy';
      kept.readyAt = undefined;
    }
    changed(kept);
  }
  // It ends by what it throws.
  return 'unhealthy';
}

const isReplaced = (kept: Kept, { hands }: Keeping): boolean => hands.policyOf(kept)?.restart.condition !== 'no';

function tell(kept: Kept, keeping: Keeping, { state, failures, last }: Health): void {
  const facts = last === undefined ? {} : { exitCode: last.code, output: last.output };
  note(kept, keeping, `service.${state}`, { failures, ...facts });
  if (state !== 'unhealthy') return;
  const output = last?.output.trim() ?? '';
  kept.failure = new MinkeError('INSTANCE_UNHEALTHY', {
    name: kept.service,
    failures,
    ...(output === '' ? {} : { output }),
  });
  kept.failures += 1;
}
