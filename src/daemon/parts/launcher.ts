import { emptyApp, imageTarget } from '../../apps/instance/image-target.ts';
import { attachmentsOf, ownNetwork } from '../../dockerapi/attachments.ts';
import type { Engine, Instance } from '../../engines/engine.ts';
import type { ImageStore } from '../../image/store.ts';
import { isDeclared } from '../../model/declared.ts';
import { shortId, type Id } from '../../model/ids.ts';
import type { AppModel, AttachmentModel } from '../../model/app.ts';
import type { InstanceKind } from '../../model/instance.ts';
import type { RunMount, RunTarget } from '../../model/run.ts';
import type { Clock } from '../../observe/clock.ts';
import type { LaunchableRun, LaunchedRun, Launcher } from '../../tasks/launcher.ts';
import type { AppHands } from './app-hands.ts';
import { noNames } from './app-networks.ts';
import type { Catalog, Startable } from './catalog.ts';
import type { Instances } from './instances.ts';
import type { Place, RunNetworks } from './run-networks.ts';
import type { Volumes } from './volumes.ts';

/** Makes runs into instances. */
export function createLauncher(options: {
  readonly engine: Engine;
  readonly instances: Instances;
  readonly catalog: Catalog;
  readonly images: ImageStore;
  readonly hands: AppHands;
  readonly volumes: Pick<Volumes, 'ensure'>;
  readonly networks: RunNetworks;
  readonly clock: Clock;
}): Launcher {
  const { engine, instances, catalog, images, hands, volumes, networks, clock } = options;

  const startableOf = async (app: string, target: RunTarget, name: string, imageId?: string): Promise<Startable> => {
    if ('function' in target) return catalog.startable(app, target.function);
    const image = await images.prepare(imageId ?? target.image);
    const deployed = catalog.get(app)?.model;
    const model = deployed === undefined || isDeclared(deployed) ? emptyApp(app, '/') : deployed;
    return { app: model, service: { ...imageTarget(name, target.image), networks: everyNetwork(model) }, image };
  };

  const launched = (instance: Instance, { limits }: Instance['spec']): LaunchedRun => ({
    instance: instance.handle.id,
    startedAt: instance.startedAt,
    limits,
    ...(instance.stdin === undefined ? {} : { stdin: instance.stdin }),
    exited: instance.exited,
    stop: async (graceMs) => await instances.stop(instance.handle.id, graceMs),
  });

  return {
    settings: async (app, target) => {
      const { timeoutMs, retries, callback } = (await startableOf(app, target, 'image')).service;
      const told = callback === undefined ? {} : { callback };
      if (retries === undefined) return { timeoutMs, ...told };
      const { maxAgeMs, ...rules } = retries;
      return { timeoutMs, maxAgeMs, retries: rules, ...told };
    },
    concurrency: ({ app, target }) =>
      'function' in target
        ? Math.max(1, catalog.service(app, target.function)?.concurrency ?? 1)
        : Number.POSITIVE_INFINITY,
    launch: async (run, attempt, signal) => {
      const startable = await startableOf(
        run.app,
        run.target,
        run.options.name ?? shortId(run.container ?? run.id),
        run.options.imageId,
      );
      const isFunction = 'function' in run.target;
      const isOnAppsOwn = !isFunction && attachmentsOf(run.options).some(({ network }) => network === ownNetwork);
      if (isOnAppsOwn && hands.networks.of(run.app) === undefined) await hands.networks.set(run.app, 'app', noNames);
      makeVolumes(volumes, startable.app, run.options.mounts ?? []);
      const place = isFunction ? undefined : await networks.open(run);
      const starting = instances.start({
        ...reaching(place === undefined ? startable : placed(startable, place), run),
        extras: { ...extrasOf(run, attempt, clock, kindOfRun(startable, isFunction)), ...rootOf(engine, run) },
        ...(run.parent === undefined ? {} : { parent: run.parent }),
        signal,
      });
      const instance = await starting.catch(async (error: unknown) => {
        // As long as that may take, the run need not wait to hear why.
        void networks.leave(run.id);
        throw error;
      });
      await networks.enter(run, instance);
      return launched(instance, instance.spec);
    },
    adopt: async (run) => {
      const instance = instances.get(run.instance);
      if (instance !== undefined) return launched(instance, instance.spec);
      const status = await engine.inspect(run.instance);
      return status?.exit === undefined ? undefined : ended(run, status.exit);
    },
    logs: (instance, logOptions) => engine.logs.read(instance, logOptions),
    keptBytes: async (instance) => (await engine.logs.keptBytes?.(instance)) ?? 0,
    remove: async (instance) => await engine.remove(instance),
  };
}

const placed = ({ app, service, image }: Startable, { networks, attachments }: Place): Startable => ({
  app: { ...app, networks: { ...app.networks, ...networks } },
  service: { ...service, networks: attachments },
  image,
});

const reaching = (startable: Startable, { options: { outbound } }: LaunchableRun): Startable =>
  outbound === undefined ? startable : { ...startable, service: { ...startable.service, outbound } };

/** Only the operator runs images by their name, and finds everything there is in the app. */
const everyNetwork = ({ networks }: AppModel): readonly AttachmentModel[] =>
  Object.keys(networks).map((network) => ({ network, aliases: [] }));

/** As Docker does it: a named volume is made when somebody mounts it. */
function makeVolumes(volumes: Pick<Volumes, 'ensure'>, app: AppModel, mounts: readonly RunMount[]): void {
  for (const { type, source } of mounts) {
    if (type === 'volume' && source !== undefined) {
      volumes.ensure(app.volumes[source] ?? { name: source, external: false });
    }
  }
}

/** What a container has written is its next life's, where the engine can keep it. */
const rootOf = ({ roots }: Engine, { container }: LaunchableRun): { root?: Id } =>
  container === undefined || roots === undefined ? {} : { root: container };

/** A cgi function that a run calls has its request on stdin, and its answer is kept as a task's is. */
const kindOfRun = ({ service }: Startable, isFunction: boolean): { readonly kind?: InstanceKind } => {
  if (!isFunction) return { kind: 'container' };
  return service.kind === 'cgi' ? { kind: 'task' } : {};
};

function extrasOf(run: LaunchableRun, attempt: number, clock: Clock, kind: { readonly kind?: InstanceKind }) {
  return {
    id: run.instance,
    args: run.args,
    env: run.env,
    options: run.container === undefined ? run.options : { hostname: shortId(run.container), ...run.options },
    run: { id: run.id, attempt },
    ...(run.timeoutMs > 0 ? { deadlineAt: clock.now() + run.timeoutMs } : {}),
    ...kind,
  };
}

/** It ended while nobody looked, and its exit was kept. */
function ended(run: LaunchableRun, exit: Awaited<Instance['exited']>): LaunchedRun {
  return {
    instance: run.instance,
    startedAt: run.startedAt ?? exit.at,
    limits: { memoryBytes: 0, pids: 0, cpus: 0 },
    exited: Promise.resolve(exit),
    stop: async () => undefined,
  };
}
