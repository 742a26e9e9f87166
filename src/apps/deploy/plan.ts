import { isOnDemand, type AppModel, type ServiceModel, type VolumeModel } from '../../model/app.ts';
import { canonical, configDigest } from '../instance/config-digest.ts';
import { appNames } from './app-names.ts';
import { startOrder } from './start-order.ts';
import type { Current, CurrentInstance, Desired, OwnedRoute, Step } from './step.ts';

export interface PlanOptions {
  /** Taking an app down removes its named volumes too, but never external ones. */
  readonly removeVolumes?: boolean;
}

/**
 * The steps from what there is to what should be; `desired: undefined` takes the app down. Pure. The plan of a state that is
 * as it should be has no steps. What is not in the way stays: an unchanged service is not touched, a running function ends by
 * itself, a volume is removed only on request.
 */
export function plan(current: Current, desired: Desired | undefined, options: PlanOptions = {}): readonly Step[] {
  return desired === undefined ? planDown(current, options) : planUp(current, desired);
}

function planUp(current: Current, desired: Desired): readonly Step[] {
  const { model } = desired;
  const kept = keptInstances(current, desired);
  return [
    ...planImages(current, desired),
    ...(current.model !== undefined && isSame(current.model, model) ? [] : [storeModel(model)]),
    // Before anything is stopped, since a port of the host may be another's.
    ...planNetwork(current, model),
    ...planStops(current, desired, kept),
    ...planVolumes(current, model),
    ...startOrder(model).flatMap((service) => planStart(service, kept.get(service.name))),
    ...planRoutes(current, routesOf(model)),
  ];
}

const storeModel = (model: AppModel): Step => ({ kind: 'store-model', model });

const isSame = (left: unknown, right: unknown): boolean => canonical(left) === canonical(right);

const planImages = (current: Current, { model, images }: Desired): readonly Step[] =>
  Object.keys(model.services).flatMap((service): Step[] => {
    const imageId = images[service] ?? '';
    return current.images[service] === imageId ? [] : [{ kind: 'prepare-image', service, imageId }];
  });

function planNetwork(current: Current, model: AppModel): readonly Step[] {
  const wanted = appNames(model);
  const isThere = current.network !== undefined && isSame(current.network, wanted);
  return isThere ? [] : [{ kind: 'ensure-network', ...wanted }];
}

const planVolumes = (current: Current, model: AppModel): readonly Step[] =>
  usedVolumes(model)
    .filter(({ name }) => !current.volumes.includes(name))
    .map((volume) => ({ kind: 'ensure-volume', volume }));

/** Each volume once, though two keys may name the same one. */
function usedVolumes(model: AppModel): readonly VolumeModel[] {
  return [...new Map(Object.values(model.volumes).map((volume) => [volume.name, volume])).values()];
}

/** Of each service the one instance that may stay as it is. */
function keptInstances(current: Current, { model, images }: Desired): ReadonlyMap<string, CurrentInstance> {
  const kept = new Map<string, CurrentInstance>();
  for (const service of startOrder(model)) {
    const digest = configDigest(model, service, images[service.name] ?? '');
    const fitting = instancesOf(current, service.name).filter((instance) => instance.digest === digest);
    const best = fitting.find(({ isPublished }) => isPublished) ?? fitting.find(({ isReady }) => isReady) ?? fitting[0];
    if (best !== undefined) kept.set(service.name, best);
  }
  return kept;
}

const instancesOf = (current: Current, service: string): readonly CurrentInstance[] =>
  current.instances.filter((instance) => instance.service === service);

/**
 * Functions that still run end by themselves, with the program that they began with; only taking the app down ends them. A service
 * that is on demand goes where it is not what would be started now: two of it must not live at once.
 */
function planStops(current: Current, desired: Desired, kept: ReadonlyMap<string, CurrentInstance>): readonly Step[] {
  const { model } = desired;
  return stopOrder(current).flatMap((name) => {
    const wanted = onDemandDigest(desired, name);
    const old = instancesOf(current, name).filter(
      ({ id, kind, digest }) => kind === 'service' && id !== kept.get(name)?.id && digest !== wanted,
    );
    return stopSteps(old, graceOf(name, current.model, model));
  });
}

/** Undefined: it is none. */
function onDemandDigest({ model, images }: Desired, name: string): string | undefined {
  const service = Object.hasOwn(model.services, name) ? model.services[name] : undefined;
  return service !== undefined && isOnDemand(service) ? configDigest(model, service, images[name] ?? '') : undefined;
}

function stopSteps(instances: readonly CurrentInstance[], graceMs: number): readonly Step[] {
  const published = instances.find(({ isPublished }) => isPublished);
  return [
    ...(published === undefined ? [] : [{ kind: 'unpublish', service: published.service } as const]),
    ...instances.map(({ id, service }): Step => ({ kind: 'stop-instance', service, instance: id, graceMs })),
  ];
}

/**
 * Names with instances, each before what it needs: the order of starts, backwards. Functions and what the stored model does not
 * know go first, since no service needs them.
 */
function stopOrder(current: Current): readonly string[] {
  const known = current.model === undefined ? [] : startOrder(current.model).map(({ name }) => name);
  const running = [...new Set(current.instances.map(({ service }) => service))];
  const unknown = running.filter((name) => !known.includes(name));
  return [...unknown, ...known.toReversed().filter((name) => running.includes(name))];
}

const defaultGraceMs = 10_000;

const graceOf = (name: string, ...models: readonly (AppModel | undefined)[]): number =>
  models.map((model) => model?.services[name]?.stopGraceMs).find((graceMs) => graceMs !== undefined) ?? defaultGraceMs;

function planStart({ name }: ServiceModel, kept: CurrentInstance | undefined): readonly Step[] {
  if (kept === undefined) {
    return [
      { kind: 'start-service', service: name },
      { kind: 'wait-ready', service: name },
      { kind: 'publish', service: name },
    ];
  }
  const waiting: readonly Step[] = kept.isReady ? [] : [{ kind: 'wait-ready', service: name, instance: kept.id }];
  return kept.isPublished ? waiting : [...waiting, { kind: 'publish', service: name, instance: kept.id }];
}

export const routesOf = (model: AppModel): readonly OwnedRoute[] =>
  Object.values(model.services).flatMap(({ name, routes }) => routes.map((route) => ({ route, service: name })));

function planRoutes(current: Current, routes: readonly OwnedRoute[]): readonly Step[] {
  const sorted = (list: readonly OwnedRoute[]): readonly string[] => list.map(canonical).toSorted();
  return isSame(sorted(current.routes), sorted(routes)) ? [] : [{ kind: 'set-routes', routes }];
}

/** Nobody is let in any more, then what runs ends, then what held it goes; the model goes last, so that a failure can be tried again. */
function planDown(current: Current, { removeVolumes = false }: PlanOptions): readonly Step[] {
  const volumes = current.model === undefined ? [] : usedVolumes(current.model);
  const own = volumes.filter(({ name, external }) => !external && current.volumes.includes(name));
  return [
    ...planRoutes(current, []),
    ...stopOrder(current).flatMap((name) => stopSteps(instancesOf(current, name), graceOf(name, current.model))),
    ...(current.network === undefined ? [] : [{ kind: 'remove-network' } as const]),
    ...(removeVolumes ? own.map((volume): Step => ({ kind: 'remove-volume', volume })) : []),
    ...(current.model === undefined ? [] : [{ kind: 'forget-app' } as const]),
  ];
}
