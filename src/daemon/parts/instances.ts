import type { InstanceRow, PortRow } from '../../api/types.ts';
import { hasDoor } from '../../apps/instance/config-digest.ts';
import { instanceSpec, replicaOf, type SpecExtras } from '../../apps/instance/instance-spec.ts';
import type { Engine, HostPort, Instance, InstanceSummary } from '../../engines/engine.ts';
import type { AppModel, ServiceModel } from '../../model/app.ts';
import { newId, type Id } from '../../model/ids.ts';
import type { InstanceKind, ReadyImage } from '../../model/instance.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Timeline } from '../../observe/timeline.ts';
import type { AppContents } from './app-contents.ts';
import type { Doors } from './doors.ts';

/** Every instance that lives, whatever it is for; each gets its door here, and its start and end are told here. */
export interface Instances {
  start(request: StartRequest): Promise<Instance>;
  /** One of an earlier daemon's. */
  adopt(instance: Instance, parent?: Id): void;
  get(id: Id): Instance | undefined;
  list(app?: string): readonly Instance[];
  /** The one that has this address of the app's network. Its program may be quicker than the news of its start, which is waited for. */
  at(app: string, address: string): Promise<Instance | undefined>;
  rows(app?: string): readonly InstanceRow[];
  /** Instances of services and http functions whose output can be read: the living, and before them the last few that ended. */
  withLogs(app?: string): readonly InstanceSummary[];
  /** Resolves when what those of these services that ended wrote is gone. */
  forgetEnded(app: string, names: readonly string[]): Promise<void>;
  /** The instance that asked for this one; kept a while after its end. */
  parentOf(id: Id): Id | undefined;
  stop(id: Id, graceMs: number): Promise<void>;
}

export interface StartRequest {
  readonly app: AppModel;
  readonly service: ServiceModel;
  readonly image: ReadyImage;
  readonly extras?: Omit<SpecExtras, 'id' | 'volumePath' | 'contentOf'> & { readonly id?: Id };
  /** The instance or run that asked for it. */
  readonly parent?: Id;
  readonly signal?: AbortSignal;
}

export interface InstancesOptions {
  readonly engine: Engine;
  readonly doors: Doors;
  readonly volumePath: (name: string) => string;
  readonly contents: Pick<AppContents, 'read'>;
  readonly clock: Clock;
  readonly record: Timeline['record'];
  /** Called when an instance has ended. */
  readonly onEnd: (instance: Instance) => void;
}

interface Entry {
  readonly instance: Instance;
  readonly parent: Id | undefined;
  isStopping: boolean;
}

export function createInstances(options: InstancesOptions): Instances {
  const { engine, doors, volumePath, contents, clock, record, onEnd } = options;
  const living = new Map<Id, Entry>();
  /** Starts under way; none of them rejects. */
  const starting = new Set<Promise<void>>();
  const parents = createParents();
  const former = createFormer(async (id) => await engine.remove(id));

  const add = (instance: Instance, parent: Id | undefined): void => {
    const { id, app, name, kind } = instance.spec;
    living.set(id, { instance, parent, isStopping: false });
    parents.set(id, parent);
    void instance.exited.then((exit) => {
      living.delete(id);
      doors.close(id);
      record({
        at: exit.at,
        kind: 'instance.ended',
        app,
        name,
        instance: id,
        facts: { kind, code: exit.code, cause: exit.cause },
      });
      if (hasOwnLog(kind)) former.add(instance.spec);
      onEnd(instance);
    });
  };

  const startOne = async (request: StartRequest): Promise<Instance> => {
    const { app, service, image, extras = {}, parent, signal } = request;
    const id = extras.id ?? newId();
    const begun = clock.elapsed();
    // Before its program runs, which may start others at once.
    parents.set(id, parent);
    const isOpen = hasDoor(service);
    const door = isOpen
      ? [await doors.open({ app: app.name, name: service.name, instance: id, mayRun: service.mayRun })]
      : [];
    try {
      const mounts = [...(extras.mounts ?? []), ...door];
      const spec = instanceSpec(app, service, image, {
        ...extras,
        id,
        volumePath,
        mounts,
        contentOf: (grant) => contents.read(app, grant),
      });
      await engine.prepare?.(spec, signal);
      const instance = await engine.start(spec, signal);
      add(instance, parent);
      const ms = Math.round((clock.elapsed() - begun) * 10) / 10;
      record({
        at: clock.now(),
        kind: 'instance.started',
        app: app.name,
        name: service.name,
        instance: id,
        facts: { kind: spec.kind, ms },
      });
      return instance;
    } catch (error) {
      doors.close(id);
      throw error;
    }
  };

  const start = async (request: StartRequest): Promise<Instance> => {
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    starting.add(begun);
    try {
      return await startOne(request);
    } finally {
      starting.delete(begun);
      resolve();
    }
  };

  return {
    start,
    adopt: add,
    get: (id) => living.get(id)?.instance,
    list: (app) =>
      [...living.values()].map(({ instance }) => instance).filter((one) => app === undefined || one.spec.app === app),
    at: async (app, address) => {
      const find = (): Entry | undefined =>
        [...living.values()].find(({ instance }) => instance.spec.app === app && instance.address === address);
      while (find() === undefined && starting.size > 0) await Promise.race(starting);
      return find()?.instance;
    },
    rows: (app) =>
      [...living.values()]
        .filter(({ instance }) => app === undefined || instance.spec.app === app)
        .map((entry) => toRow(entry, engine.networks.ports(entry.instance.spec.app))),
    withLogs: (app) => {
      const services = [...living.values()].map(({ instance }) => instance.spec).filter(({ kind }) => hasOwnLog(kind));
      return [...former.list(), ...services].filter((one) => app === undefined || one.app === app);
    },
    forgetEnded: async (app, names) => {
      const ended = former.take((one) => one.app === app && names.includes(one.name));
      await Promise.all(ended.map(async ({ id }) => await engine.remove(id)));
    },
    parentOf: (id) => parents.get(id),
    stop: async (id, graceMs) => {
      const entry = living.get(id);
      if (entry !== undefined) entry.isStopping = true;
      await engine.stop(id, graceMs);
    },
  };
}

/** Output that belongs to no run and to no single request. */
const hasOwnLog = (kind: InstanceKind): boolean => kind === 'service' || kind === 'http';

function toRow({ instance, parent, isStopping }: Entry, ports: readonly HostPort[]): InstanceRow {
  const { id, app, name, kind } = instance.spec;
  const own = kind === 'service' ? ports.filter((port) => port.name === name) : [];
  return {
    id,
    app,
    name,
    kind,
    ...(kind === 'service' ? { replica: replicaOf(instance.spec) } : {}),
    state: isStopping ? 'stopping' : 'running',
    startedAt: instance.startedAt,
    ...(instance.address === undefined ? {} : { address: instance.address }),
    ...(parent === undefined ? {} : { parent }),
    ...(own.length === 0 ? {} : { ports: own.map(toPortRow) }),
  };
}

const toPortRow = ({ hostIp, hostPort, containerPort, protocol }: HostPort): PortRow => ({
  hostIp,
  hostPort,
  containerPort,
  protocol,
});

/** What ended last in each place of a service keeps its output, so that one can read why; older output goes. */
function createFormer(remove: (id: Id) => Promise<void>, keptOfEach = 2) {
  const all = new Map<string, InstanceSummary[]>();
  return {
    list: (): readonly InstanceSummary[] => [...all.values()].flat(),
    /** Of whole places, which are not kept any more. */
    take: (isMeant: (instance: InstanceSummary) => boolean): readonly InstanceSummary[] =>
      [...all].flatMap(([key, kept]) => (kept.some(isMeant) && all.delete(key) ? kept : [])),
    add: (instance: InstanceSummary): void => {
      const key = `${instance.app}/${instance.name}.${replicaOf(instance)}`;
      const kept = [...(all.get(key) ?? []), instance];
      all.set(key, kept.slice(-keptOfEach));
      for (const { id } of kept.slice(0, -keptOfEach)) void remove(id).catch(() => undefined);
    },
  };
}

/** A child may outlive its parent, so who asked for whom is remembered for the last many instances. */
function createParents(limit = 100_000): { get(id: Id): Id | undefined; set(id: Id, parent: Id | undefined): void } {
  const parents = new Map<Id, Id>();
  return {
    get: (id) => parents.get(id),
    set: (id, parent) => {
      if (parent === undefined) return;
      parents.set(id, parent);
      const [oldest] = parents.keys();
      if (parents.size > limit && oldest !== undefined) parents.delete(oldest);
    },
  };
}
