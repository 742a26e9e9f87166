import type { Container, Containers, Images, LocalImage } from '../../dockerapi/containers.ts';
import type { Engine } from '../../engines/engine.ts';
import { MinkeError } from '../../errors/index.ts';
import type { ImageSummary } from '../../image/operations.ts';
import type { ImageStore } from '../../image/store.ts';
import type { Id } from '../../model/ids.ts';
import type { Run } from '../../model/run.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import { imageReference, type Catalog } from './catalog.ts';
import type { Instances } from './instances.ts';
import type { RunNetworks } from './run-networks.ts';
import { lineageOf } from './lineage.ts';

export interface ContainersOptions {
  readonly tasks: Tasks;
  readonly engine: Engine;
  readonly instances: Instances;
  readonly catalog: Catalog;
  readonly images: ImageStore;
  readonly networks: Pick<RunNetworks, 'portsOf'>;
}

/** The Docker API's containers, which are runs. */
export function createContainers(options: ContainersOptions): Containers {
  const { tasks, engine, instances, catalog, images, networks } = options;

  const find = async (id: Id): Promise<Run> => {
    const run = await tasks.get(id);
    if (run === undefined) throw new MinkeError('RUN_NOT_FOUND', { run: id });
    return run;
  };

  const imageOf = async ({ app, target }: Run): Promise<Container['image']> => {
    if ('function' in target) {
      const deployed = catalog.get(app);
      const service = deployed?.model.services[target.function];
      return {
        id: deployed?.images.get(target.function)?.id ?? '',
        reference: service === undefined ? target.function : imageReference(app, service),
      };
    }
    return { id: (await images.inspect(target.image))?.id ?? '', reference: target.image };
  };

  const toContainer = async (run: Run): Promise<Container> => ({
    run,
    isStarted: !tasks.isDraft(run.id),
    isPaused: run.instance !== undefined && run.state === 'running' && isPaused(run.instance),
    image: await imageOf(run),
    ports: networks.portsOf(run.id),
    ...addressOf(run),
  });

  const addressOf = ({ instance }: Run): Pick<Container, 'address'> => {
    const address = instance === undefined ? undefined : instances.get(instance)?.address;
    return address === undefined ? {} : { address };
  };

  /** It may end at the same moment. */
  const isPaused = (instance: Id): boolean => {
    try {
      return engine.controls?.isPaused(instance) ?? false;
    } catch {
      return false;
    }
  };

  const all = async (parent: Id | undefined): Promise<readonly Run[]> => {
    const drafts = tasks.drafts().filter((run) => parent === undefined || run.parent === parent);
    const accepted = await tasks.list({ limit: 10_000, ...(parent === undefined ? {} : { parent }) });
    return [...drafts, ...accepted.filter((run) => !tasks.isDraft(run.id))];
  };

  return {
    create: async (request) => await toContainer(await tasks.create(request)),
    start: async (id) => {
      await tasks.start(id);
      await begun(tasks, id);
    },
    find: async (reference, { parent }) => {
      const isVisible = (run: Run | undefined): run is Run =>
        run !== undefined && (parent === undefined || run.parent === parent);
      const byId = /^[0-9a-f]{4,64}$/.test(reference) ? await tasks.find(reference) : undefined;
      if (isVisible(byId)) return await toContainer(byId);
      const byName = (await all(parent)).find((run) => run.options.name === reference);
      return byName === undefined ? undefined : await toContainer(byName);
    },
    list: async ({ parent }) => await Promise.all((await all(parent)).map(toContainer)),
    settled: async (id, signal) => await tasks.wait(id, { signal }),
    logs: (id, logOptions) => tasks.logs(id, logOptions),
    input: async (id) => tasks.attachInput(id),
    kill: async (id, number) => {
      const { instance } = await find(id);
      if (instance !== undefined) await engine.kill(instance, number);
    },
    stop: async (id, graceMs) => await unlessSettled(tasks.stop(id, graceMs)),
    cancel: async (id, reason) => await unlessSettled(tasks.cancel(id, reason, 0)),
    change: async (id, changed) => void (await tasks.change(id, changed)),
    remove: async (id) => await tasks.remove(id),
    functions: async (app) => {
      const deployed = catalog.get(app);
      return Object.values(deployed?.model.services ?? {}).map((service) => ({
        name: service.name,
        ...(deployed?.images.has(service.name) === true ? { image: imageReference(app, service) } : {}),
      }));
    },
    lineage: async (instance) => await lineageOf(instance, instances, tasks),
  };
}

/** Resolves when its first process runs or it is settled; rejects when it could not start. */
async function begun(tasks: Tasks, id: Id): Promise<void> {
  const run = await tasks.begun(id);
  if (run.state === 'failed' && run.startedAt === undefined) {
    throw new MinkeError('INSTANCE_START_FAILED', {
      name: run.options.name ?? id.slice(0, 12),
      reason: run.error?.message ?? '',
    });
  }
}

/** "Settled already" is success here. */
async function unlessSettled(ending: Promise<unknown>): Promise<void> {
  try {
    await ending;
  } catch (error) {
    if (!(error instanceof MinkeError) || error.code !== 'RUN_STATE') throw error;
  }
}

/** The Docker API's view of the image store. */
export function createLocalImages(images: ImageStore, catalog: Catalog, instances: Instances): Images {
  const used = async (): Promise<ReadonlySet<string>> =>
    new Set([
      ...catalog.list().flatMap((deployed) => [...deployed.images.values()].map(({ id }) => id)),
      ...instances.list().map(({ spec }) => spec.imageId),
    ]);
  return {
    find: async (reference) => {
      const found = await images.inspect(reference);
      return found === undefined ? undefined : toLocal(found);
    },
    list: async () => (await images.list()).map(toLocal),
    pull: async (reference, options) => toLocal(await images.pull(reference, options)),
    load: async (archive) => (await images.load(archive)).map(toLocal),
    save: async (reference) => await images.save(reference),
    history: async (reference) => (await images.history(reference)) ?? [],
    tag: async (reference, name) => await images.tag(reference, name),
    remove: async (reference) => void (await images.remove(reference)),
    used,
    sweep: async () => await images.sweep([...(await used())]),
  };
}

const toLocal = ({ id, names, createdAt, sizeBytes, config, layers }: ImageSummary): LocalImage => ({
  id,
  references: names,
  createdAt,
  sizeBytes,
  config,
  layers,
});
