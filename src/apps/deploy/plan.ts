import { isOnDemand, type AppModel, type ServiceModel, type VolumeModel } from '../../model/app.ts';
import { canonical, configDigest } from '../instance/config-digest.ts';
import { appNames } from './app-names.ts';
import { instancesOf, keptPlaces, type KeptPlaces } from './kept-places.ts';
import { planStarts } from './plan-starts.ts';
import { startOrder } from './start-order.ts';
import type { Current, CurrentInstance, Desired, OwnedRoute, Step } from './step.ts';

export interface PlanOptions {
  /** Taking an app down removes its named volumes too, but never external ones. */
  readonly removeVolumes?: boolean;
  /** The daemon begins, and nobody asked for anything: what has ended for good stays so. */
  readonly isRestore?: boolean;
  /** Somebody asked for these services alone: others are left as they are, but for those that are restarted with them. */
  readonly only?: readonly string[];
  /** What was asked for is begun anew, whether it runs as it should or has ended. */
  readonly isAnew?: boolean;
}

/**
 * The steps from what there is to what should be; `desired: undefined` takes the app down. Pure. The plan of a state that is
 * as it should be has no steps. What is not in the way stays: an unchanged service is not touched, a running function ends by
 * itself, a volume is removed only on request.
 */
export function plan(current: Current, desired: Desired | undefined, options: PlanOptions = {}): readonly Step[] {
  return desired === undefined ? planDown(current, options) : planUp(current, desired, options);
}

function planUp(
  current: Current,
  desired: Desired,
  { isRestore = false, only, isAnew = false }: PlanOptions,
): readonly Step[] {
  const { model } = desired;
  const isAsked = (service: string): boolean => only === undefined || only.includes(service);
  const { places: kept, drawnAlong } = keptPlaces(current, desired, { isAsked, isAnew, drawsAlong: !isRestore });
  const routes = planRoutes(current, routesOf(model));
  const steps: readonly Step[] = [
    ...planImages(current, desired),
    ...(current.model !== undefined && isSame(current.model, model) ? [] : [storeModel(model)]),
    // Before anything is stopped, since a port of the host may be another's.
    ...planNetwork(current, model),
    ...planStops(current, desired, kept),
    ...planVolumes(current, model),
    ...planTakeUps(kept),
    // Requests wait for what is not there yet; only a new version has to prove itself first.
    ...(isRestore ? routes : []),
    ...planStarts(desired, {
      kept,
      isOver: (service, replica) =>
        !(isAnew && isAsked(service.name)) && isOver(current, desired, service, replica, isRestore),
      // Whoever asks for it has it started at once; a daemon that begins again leaves it to its pauses.
      restarting: isRestore ? current.restarting : [],
      // No service has to be missing because another one cannot be had.
      isEachForItself: isRestore,
    }),
    ...(isRestore ? [] : routes),
  ];
  return steps.filter((step) => !('service' in step) || isAsked(step.service) || drawnAlong.has(step.service));
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

/**
 * Functions that still run end by themselves, with the program that they began with; only taking the app down ends them. A service
 * that is on demand goes where it is not what would be started now: two of it must not live at once.
 */
function planStops(current: Current, desired: Desired, kept: KeptPlaces): readonly Step[] {
  const { model } = desired;
  const staying = new Set([...kept.values()].flatMap((places) => [...places.values()].map(({ id }) => id)));
  return stopOrder(current).flatMap((name) => {
    const wanted = onDemandDigest(desired, name);
    const old = instancesOf(current, name).filter(
      ({ id, kind, digest }) => kind === 'service' && !staying.has(id) && digest !== wanted,
    );
    return stopSteps(old, graceOf(name, current.model, model));
  });
}

/** Undefined: it is none. */
function onDemandDigest({ model, images }: Desired, name: string): string | undefined {
  const service = Object.hasOwn(model.services, name) ? model.services[name] : undefined;
  return service !== undefined && isOnDemand(service) ? configDigest(model, service, images[name] ?? '') : undefined;
}

/** The highest numbers go first: those that came last. */
function stopSteps(instances: readonly CurrentInstance[], graceMs: number): readonly Step[] {
  const published = instances.filter(({ isPublished }) => isPublished);
  const [first] = published;
  return [
    ...(first === undefined
      ? []
      : [{ kind: 'unpublish', service: first.service, instances: published.map(({ id }) => id) } as const]),
    ...instances
      .toSorted((left, right) => right.replica - left.replica)
      .map(({ id, service, replica }): Step => ({
        kind: 'stop-instance',
        service,
        replica,
        instance: id,
        graceMs,
      })),
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

const planTakeUps = (kept: KeptPlaces): readonly Step[] =>
  [...kept.values()].flatMap((places) =>
    [...places.values()].flatMap(({ service, replica, id, isKept }): Step[] =>
      isKept ? [] : [{ kind: 'take-up', service, replica, instance: id }],
    ),
  );

/** It ended for good, and is not to be begun again: what it had to do is done, or nobody asked. */
function isOver(
  current: Current,
  { model, images }: Desired,
  service: ServiceModel,
  replica: number,
  isRestore: boolean,
): boolean {
  const digest = configDigest(model, service, images[service.name] ?? '');
  const end = current.ended.find(
    (one) => one.service === service.name && one.replica === replica && one.digest === digest,
  );
  if (end === undefined) return false;
  const { state, cause } = end.outcome;
  if (state === 'completed') return service.restart === 'no' || service.restart === 'on-failure';
  return isRestore && !(cause === 'stopped' && service.restart === 'always');
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
