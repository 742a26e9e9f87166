import type { Instance } from '../engines/engine.ts';
import { hasDoor } from '../apps/instance/config-digest.ts';
import { instancesOf } from '../model/run.ts';
import type { Log } from '../observe/log.ts';
import type { World } from './world.ts';

/**
 * Takes up what an earlier daemon left: instances are adopted with their doors, apps are brought to what they should be, runs
 * go on or are settled; what belongs to nobody any more is ended.
 */
export async function recoverEverything(world: World, log: Log): Promise<void> {
  const { engine, instances, tasks, deploys, store } = world;
  const adopted = await engine.recover();
  for (const instance of adopted) instances.adopt(instance);
  const models = new Map((await store.apps.list()).map((model) => [model.name, model]));
  for (const instance of adopted) {
    const service = models.get(instance.spec.app)?.services[instance.spec.name];
    if (service === undefined || !hasDoor(service)) continue;
    const { id, app, name } = instance.spec;
    await world.doors.open({ app, name, instance: id, mayRun: service.mayRun });
  }
  // First, since an app that is brought back must find them on its network.
  await recoverNetworks(world);
  await deploys.restore();
  await tasks.recover();
  await world.containers.recover();
  const wanted = await wantedIds(world);
  for (const instance of adopted) {
    if (!wanted.has(instance.handle.id)) await endOrphan(world, instance, log);
  }
  await forgetEnded(world);
  if (adopted.length > 0) log.info('Instances of an earlier daemon were taken up', { count: adopted.length });
}

/** All at once: a network gives back the ports of those that it is not told of. */
async function recoverNetworks({ tasks, instances, networks }: World): Promise<void> {
  const runs = await tasks.list({ states: ['starting', 'running'], limit: 100_000 });
  const living = runs.flatMap((run) => {
    const instance = run.instance === undefined ? undefined : instances.get(run.instance);
    return instance === undefined ? [] : [{ run, instance }];
  });
  await networks.adopt(living);
}

/** Output that no run refers to: of services' instances that ended under an earlier daemon. */
async function forgetEnded({ engine, tasks }: World): Promise<void> {
  const runs = await tasks.list({ limit: 1_000_000 });
  const referred = new Set(runs.flatMap(instancesOf));
  for (const id of await engine.ended()) if (!referred.has(id)) await engine.remove(id);
}

/** Instances that are a service's or an http function's, or carry out a run. */
async function wantedIds({ supervisor, functions, tasks, deploys, instances }: World): Promise<ReadonlySet<string>> {
  const underWay = instances.list().filter(({ spec }) => spec.kind === 'service' && deploys.isUnderWay(spec.app));
  const services = supervisor.list().flatMap(({ instance }) => instance ?? []);
  const runs = await tasks.list({ states: ['starting', 'running'], limit: 100_000 });
  return new Set([
    ...underWay.map(({ handle }) => handle.id),
    ...services,
    ...functions.ids(),
    ...runs.flatMap(({ instance }) => instance ?? []),
  ]);
}

async function endOrphan({ instances, engine, tasks }: World, { handle, spec }: Instance, log: Log): Promise<void> {
  if (instances.get(handle.id) === undefined) return;
  log.warn('An instance that belongs to nobody is ended', { instance: handle.id, app: spec.app, name: spec.name });
  await instances.stop(handle.id, 0);
  const isRun = (await tasks.list({ app: spec.app, limit: 100_000 })).some((run) =>
    instancesOf(run).includes(handle.id),
  );
  if (!isRun) await engine.remove(handle.id);
}
