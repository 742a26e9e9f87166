import type { Instance } from '../../engines/engine.ts';
import { MinkeError } from '../../errors/index.ts';
import type { Id } from '../../model/ids.ts';
import type { Outcome } from '../../model/service-end.ts';
import type { TimelineEvent } from '../../model/timeline.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Check, HealthRules } from './health-decision.ts';
import { createHolds } from './holds.ts';
import { keepUp } from './keep-up.ts';
import { newKept, statusOf, type Keeping, type Kept, type KeptStatus } from './kept.ts';
import type { RestartPolicy } from './restart-decision.ts';
import { until, type Wish } from './until.ts';

/**
 * Keeps each service at one instance: publishes it when it is ready (and healthy, where that is checked), and replaces one that
 * ends or turns unhealthy by its service's restart policy, with growing pauses; its name waits meanwhile. It does not matter who
 * started the instance: a deploy, the supervisor itself, or an earlier daemon.
 */
export interface Supervisor {
  /** From now on this instance is the service's. Another one that was kept is let go of, not stopped. A hold does not count for it. */
  keep(app: string, service: string, instance: Instance): void;
  /** The hold of now does not count for this service any more: whoever holds its app has dealt with it. */
  resume(app: string, service: string): void;
  /** How a service ended under an earlier daemon, or before it was let go of. */
  recall(app: string, service: string, outcome: Outcome): void;
  /** See until.ts. Rejects with NO_INSTANCE for a service that is not kept. */
  until(app: string, service: string, wish: Wish, signal?: AbortSignal): Promise<void>;
  /** Keeps it up no more, and resolves when nothing of it is under way. With an instance: only if that is the one. */
  release(app: string, service: string, instance?: Id): Promise<void>;
  /** After the app was deployed: rules of health that have changed count from now on, and what it has no more is let go of. */
  renew(app: string): void;
  /**
   * Restarts nothing in this app until the answer is called, so that a plan may be made and carried out. Resolves when no
   * restart is under way.
   */
  hold(app: string): Promise<() => void>;
  list(app?: string): readonly KeptStatus[];
  /** Lets go of everything and stops nothing. */
  close(): Promise<void>;
}

/** What the model of now says of a service. */
export interface ServicePolicy {
  readonly restart: RestartPolicy;
  /** Absent: its health is not checked. */
  readonly health?: HealthRules;
}

export interface SupervisorHands {
  /** Asked anew at every end, since it may change without a restart; undefined: there is no such service any more. */
  policyOf(app: string, service: string): ServicePolicy | undefined;
  start(app: string, service: string): Promise<Instance>;
  /** Its port answers, where it has one. */
  waitReady(app: string, service: string, instance: Instance, signal: AbortSignal): Promise<void>;
  publish(app: string, service: string, instance: Instance): Promise<void>;
  unpublish(app: string, service: string, instance: Instance): Promise<void>;
  /** An instance that is not wanted any more: it did not become ready, turned unhealthy, or was released meanwhile. */
  stop(app: string, service: string, instance: Instance): Promise<void>;
  /** Undefined: it could not be carried out, which is not the instance's fault. */
  check(instance: Instance, rules: HealthRules, signal: AbortSignal): Promise<Check | undefined>;
  /** What the service wrote last, over its instances. */
  lastLines(app: string, service: string): Promise<readonly string[]>;
  /** It is not started any more, until somebody has it started again. Never rejects; resolves when the next daemon will know. */
  settled(app: string, service: string, outcome: Outcome, last: Instance | undefined): Promise<void>;
}

export interface SupervisorOptions {
  readonly hands: SupervisorHands;
  readonly clock: Clock;
  /**
   * Kinds: service.healthy, service.unhealthy, service.ended, service.restarting, service.started, service.start-failed,
   * service.crash-loop, service.completed, service.given-up.
   */
  readonly record: (event: TimelineEvent) => void;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const keeping: Keeping = { ...options, holds: createHolds() };
  const { hands } = options;
  const all = new Map<string, Kept>();
  const keyOf = (app: string, service: string): string => `${app}/${service}`;
  const release = async (kept: Kept | undefined): Promise<void> => {
    if (kept === undefined) return;
    kept.released.abort();
    await kept.done;
    const key = keyOf(kept.app, kept.service);
    if (all.get(key) === kept) all.delete(key);
  };
  const of = (app: string): Kept[] => [...all.values()].filter((kept) => kept.app === app);
  return {
    keep: (app, service, instance) => {
      const key = keyOf(app, service);
      const before = all.get(key);
      keeping.holds.exempt(app, service);
      if (before?.instance?.handle.id === instance.handle.id) return;
      before?.released.abort();
      const kept = newKept(app, service, instance);
      all.set(key, kept);
      kept.done = keepUp(kept, keeping);
    },
    resume: keeping.holds.exempt,
    recall: (app, service, outcome) => {
      const kept = newKept(app, service, undefined);
      const { code, cause, at, restarts } = outcome;
      Object.assign(kept, { outcome, restarts, lastEnd: { code, cause, at } });
      all.set(keyOf(app, service), kept);
    },
    until: async (app, service, wish, signal = new AbortController().signal) => {
      const kept = all.get(keyOf(app, service));
      if (kept === undefined) throw new MinkeError('NO_INSTANCE', { name: service, reason: 'nobody keeps it up' });
      await until(kept, wish, keeping, signal);
    },
    release: async (app, service, instance) => {
      const kept = all.get(keyOf(app, service));
      if (instance === undefined || kept?.instance?.handle.id === instance) await release(kept);
    },
    renew: (app) => {
      for (const kept of of(app)) {
        const policy = hands.policyOf(app, kept.service);
        if (policy === undefined) void release(kept);
        else if (JSON.stringify(policy.health) !== kept.rules) kept.renewed.abort();
      }
    },
    hold: async (app) => {
      const resume = keeping.holds.hold(app);
      await Promise.all(of(app).map(async (kept) => kept.reviving));
      return resume;
    },
    list: (app) => (app === undefined ? [...all.values()] : of(app)).map((kept) => statusOf(kept, keeping)),
    close: async () => {
      await Promise.all([...all.values()].map(release));
    },
  };
}
