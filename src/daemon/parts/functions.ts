import { configDigest } from '../../apps/instance/config-digest.ts';
import { portOf } from '../../apps/instance/instance-spec.ts';
import { defaultQueueMax, defaultScale } from '../../apps/file/read-scale.ts';
import { createDoubts } from '../../autoscale/doubts.ts';
import type { PooledInstance, PoolHands } from '../../autoscale/pool-hands.ts';
import { createPools, type PoolTarget } from '../../autoscale/pools.ts';
import type { Engine, Instance } from '../../engines/engine.ts';
import { MinkeError } from '../../errors/index.ts';
import type { ConnectOptions, Target, Upstream } from '../../gateway/capacity.ts';
import { isOnDemand, type ServiceModel } from '../../model/app.ts';
import type { Id } from '../../model/ids.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { Timeline } from '../../observe/timeline.ts';
import type { SupervisorHands } from '../../apps/supervise/supervisor.ts';
import type { Catalog, Deployed, Startable } from './catalog.ts';
import type { Instances } from './instances.ts';
import { hasEnded } from './has-ended.ts';
import { createUpstreams } from './upstreams.ts';

/** `http` functions and services on demand: their instances, and connections to them. */
export interface Functions {
  /** A connection to an instance that is ready; one is started where that helps. */
  connect(target: Target, options: ConnectOptions): Promise<Upstream>;
  /** Takes up the app's instances of an earlier daemon, as far as they are what is deployed now. */
  adopt(deployed: Deployed): void;
  /** After the app was deployed: instances of what was deployed before are replaced. */
  renew(deployed: Deployed): Promise<void>;
  /** Before the app is taken down: resolves when its instances have ended; the answer lets requests in again. */
  drain(app: string): Promise<() => void>;
  /** Nothing is started any more, and what runs lives on. */
  close(): Promise<void>;
  ids(): readonly Id[];
}

export interface FunctionsOptions {
  readonly engine: Engine;
  readonly instances: Instances;
  readonly catalog: Catalog;
  readonly hands: Pick<SupervisorHands, 'waitReady'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly record: Timeline['record'];
}

interface Pooled extends PooledInstance {
  readonly instance: Instance;
  /** Of the version that it was started from, which the one deployed now need not have. */
  readonly port: number;
}

/** A second and a third instance are asked when the first does not take the connection: nothing has been sent by then. */
const attempts = 3;

export function createFunctions(options: FunctionsOptions): Functions {
  const { engine, instances, catalog, clock, log, record } = options;
  const doubts = createDoubts<Pooled>();
  const upstreams = createUpstreams();
  const pools = createPools<Pooled>((target) => handsOf(target, options, upstreams.closeAll));

  const open = async (target: Target, { signal, isNew }: ConnectOptions): Promise<Upstream | Error> => {
    const lease = await pools.lease(target, signal);
    const { id, instance } = lease.instance;
    const leasedAt = clock.elapsed();
    // A service is asked at whatever port, speaks whatever it likes, and may take its time.
    const isHttp = target.kind === 'http';
    const port = isHttp ? lease.instance.port : target.port;
    try {
      const { address = '' } = instance;
      const kept = isNew === true || !isHttp ? undefined : upstreams.take(id);
      const socket = kept ?? upstreams.watch(id, await engine.networks.connect(target.app, address, port, signal));
      return {
        socket,
        id,
        hasEnded: async () => await hasEnded(engine, id),
        release: (state) => {
          const now = clock.elapsed();
          if (state?.answer === 'begun') doubts.answered(lease.instance, now);
          else if (isHttp && state?.answer === 'late' && doubts.late(lease.instance, leasedAt, now))
            replace(target, lease);
          giveBack(socket, isHttp && state?.idle === true, lease);
        },
      };
    } catch (error) {
      const isToGo = !signal.aborted && (isHttp || (await hasEnded(engine, id)));
      if (isToGo) lease.fail();
      else lease.release();
      signal.throwIfAborted();
      if (!isToGo) throw refusing(target, error);
      log.warn('An instance took no connection', { app: target.app, name: target.name, instance: id, error });
      return error instanceof Error ? error : new Error(String(error));
    }
  };

  const replace = ({ app, name }: Target, lease: { instance: Pooled; fail(): void }): void => {
    const { id: instance } = lease.instance;
    record({ at: clock.now(), kind: 'function.hangs', app, name, instance });
    log.warn('An instance answers nobody and is replaced', { app, name, instance });
    lease.fail();
  };

  const giveBack = (
    socket: Upstream['socket'],
    isIdle: boolean,
    lease: { instance: Pooled; release(): void },
  ): void => {
    if (isIdle) upstreams.give(lease.instance.id, socket);
    else socket.destroy();
    lease.release();
  };

  return {
    connect: async (target, options) => {
      for (let attempt = 1; ; attempt += 1) {
        const opened = await open(target, options);
        if (!(opened instanceof Error)) return opened;
        if (attempt < attempts) continue;
        throw refusing(target, opened);
      }
    },
    adopt: (deployed) => {
      for (const instance of instances.list(deployed.model.name)) {
        const startable = pooledOf(deployed, instance.spec.name);
        if (startable === undefined || instance.spec.kind !== startable.service.kind) continue;
        const version = instance.spec.labels['minke.digest'] ?? '';
        if (version !== versionOf(startable)) continue;
        pools.adopt({ app: deployed.model.name, name: instance.spec.name }, pooled(startable, instance), version);
      }
    },
    renew: async ({ model }) => {
      const names = Object.values(model.services).filter(isPooled);
      await pools.renew(
        model.name,
        names.map(({ name }) => name),
      );
    },
    drain: async (app) => {
      const services = Object.values(catalog.get(app)?.model.services ?? {});
      return await pools.drain(app, Math.max(0, ...services.map(({ stopGraceMs }) => stopGraceMs)));
    },
    close: async () => await pools.close(),
    ids: () => pools.ids(),
  };
}

function handsOf(
  { app, name }: PoolTarget,
  { instances, catalog, hands, clock, record }: FunctionsOptions,
  closeAll: (id: Id) => void,
): PoolHands<Pooled> {
  const current = (): Startable | undefined => {
    const deployed = catalog.get(app);
    return deployed === undefined ? undefined : pooledOf(deployed, name);
  };
  return {
    settings: () => settingsOf(catalog.service(app, name)),
    version: () => {
      const startable = current();
      return startable === undefined ? undefined : versionOf(startable);
    },
    start: async (signal) => {
      const startable = current() ?? catalog.startable(app, name);
      return pooled(startable, await instances.start({ ...startable, signal }));
    },
    waitReady: async ({ instance }, signal) => await hands.waitReady(instance, signal),
    stop: async ({ id }) => {
      closeAll(id);
      await instances.stop(id, catalog.service(app, name)?.stopGraceMs ?? 0);
    },
    clock,
    record,
  };
}

const settingsOf = (service: ServiceModel | undefined) => ({
  max: service?.scale?.maxInstances ?? defaultScale.maxInstances,
  idleMs: service?.scale?.idleMs ?? defaultScale.idleMs,
  concurrency: service?.concurrency ?? 1,
  queueMax: service?.queueMax ?? defaultQueueMax,
  isAlone: service !== undefined && isOnDemand(service),
});

const isPooled = (service: ServiceModel): boolean => service.kind === 'http' || isOnDemand(service);

export const refusing = ({ name }: Pick<Target, 'name'>, error: unknown): MinkeError => {
  const reason = `it takes no connection: ${error instanceof Error ? error.message : String(error)}`;
  return new MinkeError('UPSTREAM_FAILED', { name, reason }, { cause: error });
};

/** As it is deployed, if it is there and has its image. */
function pooledOf({ model, images }: Deployed, name: string): Startable | undefined {
  const service = Object.hasOwn(model.services, name) ? model.services[name] : undefined;
  const image = images.get(name);
  return service !== undefined && isPooled(service) && image !== undefined ? { app: model, service, image } : undefined;
}

const versionOf = ({ app, service, image }: Startable): string => configDigest(app, service, image.id);

const pooled = ({ service, image }: Startable, instance: Instance): Pooled => ({
  id: instance.handle.id,
  exited: instance.exited,
  instance,
  port: portOf(service, image) ?? 0,
});
