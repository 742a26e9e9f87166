import type { Instance } from '../../engines/engine.ts';
import type { MinkeError } from '../../errors/index.ts';
import type { Health } from '../../model/health.ts';
import type { Id } from '../../model/ids.ts';
import type { LifeEnd, Outcome } from '../../model/service-end.ts';
import type { ServicePlace } from '../../model/service-place.ts';
import type { Holds } from './holds.ts';
import { runsWellAfterMs } from '../../model/restart-decision.ts';
import type { SupervisorOptions } from './supervisor.ts';

/**
 * One place of a service, with at most one instance in it, from one life to the next. Changed by its own loop only. Each has its
 * own health, its own pauses and its own count of ends: what happens in one says nothing of the others.
 */
export interface Kept extends ServicePlace {
  readonly released: AbortController;
  /** Undefined between two lives. */
  instance: Instance | undefined;
  /** When this life became ready and was published; undefined before, and while it is unhealthy. */
  readyAt: number | undefined;
  /** Of this life, where there is a health check. */
  health: Health | undefined;
  /** The rules of its health that count for this life, as JSON, and what is aborted when they have changed. */
  rules: string | undefined;
  renewed: AbortController;
  quickEnds: number;
  isCrashLoop: boolean;
  restarts: number;
  /** The instance of the life before. */
  former: Instance | undefined;
  lastEnd: (LifeEnd & { readonly at: number }) | undefined;
  /** It is not started any more. */
  outcome: Outcome | undefined;
  /** Why a life was not ready, or turned unhealthy; `failures` counts them, so that one who waits knows the new from the old. */
  failure: MinkeError | undefined;
  failures: number;
  /** A start that is under way. */
  reviving: Promise<void> | undefined;
  done: Promise<void>;
  /** Called at every change. */
  readonly listeners: Set<() => void>;
}

export interface Keeping extends SupervisorOptions {
  readonly holds: Holds;
}

export interface KeptStatus extends ServicePlace {
  readonly state: 'starting' | 'running' | 'unhealthy' | 'restarting' | 'crash-loop' | Outcome['state'];
  /** While it runs. */
  readonly instance?: Id;
  /** Since it has been kept. */
  readonly restarts: number;
  readonly health?: Health;
  readonly lastEnd?: LifeEnd & { readonly at: number };
}

export const newKept = ({ app, service, replica }: ServicePlace, instance: Instance | undefined): Kept => ({
  app,
  service,
  replica,
  instance,
  released: new AbortController(),
  readyAt: undefined,
  health: undefined,
  rules: undefined,
  renewed: new AbortController(),
  quickEnds: 0,
  isCrashLoop: false,
  restarts: 0,
  former: undefined,
  lastEnd: undefined,
  outcome: undefined,
  failure: undefined,
  failures: 0,
  reviving: undefined,
  done: Promise.resolve(),
  listeners: new Set(),
});

export function statusOf(kept: Kept, keeping: Pick<Keeping, 'hands' | 'clock'>): KeptStatus {
  const { app, service, replica, instance, restarts, health, lastEnd } = kept;
  return {
    app,
    service,
    replica,
    state: stateOf(kept, keeping),
    restarts,
    ...(instance === undefined ? {} : { instance: instance.handle.id }),
    ...(health === undefined ? {} : { health }),
    ...(lastEnd === undefined ? {} : { lastEnd }),
  };
}

function stateOf(kept: Kept, { hands, clock }: Pick<Keeping, 'hands' | 'clock'>): KeptStatus['state'] {
  if (kept.outcome !== undefined) return kept.outcome.state;
  const policy = hands.policyOf(kept);
  const wellMs = kept.readyAt === undefined ? 0 : clock.now() - kept.readyAt;
  const isWell = policy === undefined || wellMs >= runsWellAfterMs(policy.restart);
  if (kept.isCrashLoop && !isWell) return 'crash-loop';
  if (kept.instance === undefined) return 'restarting';
  if (kept.health?.state === 'unhealthy') return 'unhealthy';
  return kept.readyAt === undefined ? 'starting' : 'running';
}

/** Tells whoever waits. */
export function changed({ listeners }: Kept): void {
  for (const listener of listeners) listener();
}

export function note(
  kept: Kept,
  { clock, record }: Keeping,
  kind: string,
  facts: Readonly<Record<string, unknown>>,
): void {
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
