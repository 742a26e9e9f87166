import type { Instance } from '../../engines/engine.ts';
import type { Id } from '../../model/ids.ts';
import type { TimelineEvent } from '../../model/timeline.ts';
import type { Clock } from '../../observe/clock.ts';
import { createHolds } from './holds.ts';
import { keepUp, type Kept } from './keep-up.ts';
import type { RestartPolicy } from './restart-decision.ts';

/**
 * Keeps each service at one instance. An instance that ends is replaced by its service's restart policy, with growing pauses;
 * its name waits meanwhile. It does not matter who started the instance: a deploy, the supervisor itself, or an earlier daemon.
 */
export interface Supervisor {
  /** From now on this instance, ready and published, is the service's. Another one that was kept is let go of, not stopped. */
  keep(app: string, service: string, instance: Instance): void;
  /** Keeps it up no more, and resolves when nothing of it is under way. With an instance: only if that is the one. */
  release(app: string, service: string, instance?: Id): Promise<void>;
  /**
   * Restarts nothing in this app until the answer is called, so that a plan may be made and carried out. Resolves when no
   * restart is under way.
   */
  hold(app: string): Promise<() => void>;
  list(app?: string): readonly KeptStatus[];
  /** Lets go of everything and stops nothing. */
  close(): Promise<void>;
}

export interface KeptStatus {
  readonly app: string;
  readonly service: string;
  readonly state: 'running' | 'restarting' | 'crash-loop';
  /** While it runs. */
  readonly instance?: Id;
  /** Since it has been kept. */
  readonly restarts: number;
}

export interface SupervisorHands {
  /** Asked anew at every end, since it may change without a restart; undefined: there is no such service any more. */
  restartPolicy(app: string, service: string): RestartPolicy | undefined;
  start(app: string, service: string): Promise<Instance>;
  waitReady(app: string, service: string, instance: Instance, signal: AbortSignal): Promise<void>;
  publish(app: string, service: string, instance: Instance): Promise<void>;
  unpublish(app: string, service: string): Promise<void>;
  /** An instance that was started and is not wanted: it did not become ready, or was released meanwhile. */
  stop(app: string, service: string, instance: Instance): Promise<void>;
}

export interface SupervisorOptions {
  readonly hands: SupervisorHands;
  readonly clock: Clock;
  /** Kinds: service.ended, service.restarting, service.started, service.start-failed, service.crash-loop, service.given-up. */
  readonly record: (event: TimelineEvent) => void;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const holds = createHolds();
  const all = new Map<string, Kept>();
  const keyOf = (app: string, service: string): string => `${app}/${service}`;
  const release = async (kept: Kept | undefined): Promise<void> => {
    kept?.released.abort();
    await kept?.done;
  };
  return {
    keep: (app, service, instance) => {
      const key = keyOf(app, service);
      const before = all.get(key);
      if (before?.instance?.handle.id === instance.handle.id) return;
      before?.released.abort();
      const kept = newKept(app, service, instance);
      all.set(key, kept);
      kept.done = keepUp(kept, { ...options, holds }).finally(() => {
        if (all.get(key) === kept) all.delete(key);
      });
    },
    release: async (app, service, instance) => {
      const kept = all.get(keyOf(app, service));
      if (instance === undefined || kept?.instance?.handle.id === instance) await release(kept);
    },
    hold: async (app) => {
      const resume = holds.hold(app);
      const ours = [...all.values()].filter((kept) => kept.app === app);
      await Promise.all(ours.map(async (kept) => kept.reviving));
      return resume;
    },
    list: (app) => [...all.values()].filter((kept) => app === undefined || kept.app === app).map(statusOf),
    close: async () => {
      await Promise.all([...all.values()].map(release));
    },
  };
}

const newKept = (app: string, service: string, instance: Instance): Kept => ({
  app,
  service,
  instance,
  released: new AbortController(),
  quickEnds: 0,
  isCrashLoop: false,
  restarts: 0,
  reviving: undefined,
  done: Promise.resolve(),
});

function statusOf({ app, service, instance, isCrashLoop, restarts }: Kept): KeptStatus {
  const state = instance === undefined ? (isCrashLoop ? 'crash-loop' : 'restarting') : 'running';
  return { app, service, state, restarts, ...(instance === undefined ? {} : { instance: instance.handle.id }) };
}
