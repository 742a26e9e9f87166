import type { Instance } from '../../engines/engine.ts';
import { MinkeError } from '../../errors/index.ts';
import type { Id } from '../../model/ids.ts';
import type { Outcome } from '../../model/service-end.ts';
import type { ServicePlace } from '../../model/service-place.ts';
import type { TimelineEvent } from '../../model/timeline.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Check, HealthRules } from '../../model/health-decision.ts';
import { createHolds } from './holds.ts';
import { keepUp } from './keep-up.ts';
import { newKept, statusOf, type Keeping, type Kept, type KeptStatus } from './kept.ts';
import type { RestartPolicy } from '../../model/restart-decision.ts';
import { untilAll, type Wish } from './until.ts';

/**
 * Keeps each place of a service at one instance: publishes it when it is ready (and healthy, where that is checked), and replaces
 * one that ends or turns unhealthy by its service's restart policy, with growing pauses; its name leads to the others meanwhile,
 * and waits where there are none. It does not matter who started the instance: a deploy, the supervisor itself, or an earlier
 * daemon.
 */
export interface Supervisor {
  /** From now on this instance is the place's. Another one that was kept is let go of, not stopped. A hold does not count for it. */
  keep(place: ServicePlace, instance: Instance): void;
  /** The hold of now does not count for this place any more: whoever holds its app has dealt with it. */
  resume(place: ServicePlace): void;
  /** How it ended there under an earlier daemon, or before it was let go of. */
  recall(place: ServicePlace, outcome: Outcome): void;
  /** Of all places of the service: see until.ts. Rejects with NO_INSTANCE for a service that is not kept. */
  until(app: string, service: string, wish: Wish, signal?: AbortSignal): Promise<void>;
  /** Keeps it up no more, and resolves when nothing of it is under way. With an instance: only if that is the one. */
  release(place: ServicePlace, instance?: Id): Promise<void>;
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
  /** Asked anew at every end, since it may change without a restart; undefined: there is no such place any more. */
  policyOf(place: ServicePlace): ServicePolicy | undefined;
  start(place: ServicePlace): Promise<Instance>;
  /** Its port answers, where it has one. */
  waitReady(instance: Instance, signal: AbortSignal): Promise<void>;
  /** The name of its service leads to it too. */
  publish(instance: Instance): Promise<void>;
  unpublish(instance: Instance): Promise<void>;
  /** An instance that is not wanted any more: it did not become ready, turned unhealthy, or was released meanwhile. */
  stop(instance: Instance): Promise<void>;
  /** Undefined: it could not be carried out, which is not the instance's fault. */
  check(instance: Instance, rules: HealthRules, signal: AbortSignal): Promise<Check | undefined>;
  /** What was written there last, over its instances. */
  lastLines(place: ServicePlace): Promise<readonly string[]>;
  /** It is not started any more, until somebody has it started again. Never rejects; resolves when the next daemon will know. */
  settled(place: ServicePlace, outcome: Outcome, last: Instance | undefined): Promise<void>;
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
  const keyOf = ({ app, service, replica }: ServicePlace): string => `${app}/${service}.${replica}`;
  const release = async (kept: Kept | undefined): Promise<void> => {
    if (kept === undefined) return;
    kept.released.abort();
    await kept.done;
    const key = keyOf(kept);
    if (all.get(key) === kept) all.delete(key);
  };
  const of = (app: string): Kept[] => [...all.values()].filter((kept) => kept.app === app);
  return {
    keep: (place, instance) => {
      const key = keyOf(place);
      const before = all.get(key);
      keeping.holds.exempt(place);
      if (before?.instance?.handle.id === instance.handle.id) return;
      before?.released.abort();
      const kept = newKept(place, instance);
      all.set(key, kept);
      kept.done = keepUp(kept, keeping);
    },
    resume: keeping.holds.exempt,
    recall: (place, outcome) => {
      const kept = newKept(place, undefined);
      const { code, cause, at, restarts } = outcome;
      Object.assign(kept, { outcome, restarts, lastEnd: { code, cause, at } });
      all.set(keyOf(place), kept);
    },
    until: async (app, service, wish, signal = new AbortController().signal) => {
      const places = of(app).filter((kept) => kept.service === service);
      if (places.length === 0) throw new MinkeError('NO_INSTANCE', { name: service, reason: 'nobody keeps it up' });
      await untilAll(places, wish, keeping, signal);
    },
    release: async (place, instance) => {
      const kept = all.get(keyOf(place));
      if (instance === undefined || kept?.instance?.handle.id === instance) await release(kept);
    },
    renew: (app) => {
      for (const kept of of(app)) {
        const policy = hands.policyOf(kept);
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
