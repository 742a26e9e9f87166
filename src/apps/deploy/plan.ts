import { isOnDemand, type AppModel, type ServiceModel, type VolumeModel } from '../../model/app.ts';
import { canonical, configDigest } from '../instance/config-digest.ts';
import { appNames } from './app-names.ts';
import { isAwaited } from './is-awaited.ts';
import { startOrder } from './start-order.ts';
import type { Current, CurrentInstance, Desired, OwnedRoute, Step } from './step.ts';

export interface PlanOptions {
  /** Taking an app down removes its named volumes too, but never external ones. */
  readonly removeVolumes?: boolean;
  /** The daemon begins, and nobody asked for anything: what has ended for good stays so. */
  readonly isRestore?: boolean;
}

/**
 * The steps from what there is to what should be; `desired: undefined` takes the app down. Pure. The plan of a state that is
 * as it should be has no steps. What is not in the way stays: an unchanged service is not touched, a running function ends by
 * itself, a volume is removed only on request.
 */
export function plan(current: Current, desired: Desired | undefined, options: PlanOptions = {}): readonly Step[] {
  return desired === undefined ? planDown(current, options) : planUp(current, desired, options);
}

function planUp(current: Current, desired: Desired, { isRestore = false }: PlanOptions): readonly Step[] {
  const { model } = desired;
  const kept = keptInstances(current, desired, isRestore);
  const routes = planRoutes(current, routesOf(model));
  return [
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
      isOver: (service) => isOver(current, desired, service, isRestore),
      // Whoever asks for it has it started at once; a daemon that begins again leaves it to its pauses.
      restarting: isRestore ? current.restarting : [],
      // No service has to be missing because another one cannot be had.
      isEachForItself: isRestore,
    }),
    ...(isRestore ? [] : routes),
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
function keptInstances(
  current: Current,
  { model, images }: Desired,
  isRestore: boolean,
): ReadonlyMap<string, CurrentInstance> {
  const kept = new Map<string, CurrentInstance>();
  const order = startOrder(model);
  // One on demand is not among them: it is started by its next connection.
  const isReplaced = (name: string): boolean =>
    order.some((service) => service.name === name) &&
    !kept.has(name) &&
    instancesOf(current, name).some(({ kind }) => kind === 'service');
  for (const service of order) {
    const isDrawnAlong = !isRestore && service.dependsOn.some(({ name, restart }) => restart && isReplaced(name));
    if (isDrawnAlong) continue;
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

const planTakeUps = (kept: ReadonlyMap<string, CurrentInstance>): readonly Step[] =>
  [...kept.values()].flatMap(({ service, id, isKept }): Step[] =>
    isKept ? [] : [{ kind: 'take-up', service, instance: id }],
  );

/** It ended for good, and is not to be begun again: what it had to do is done, or nobody asked. */
function isOver(current: Current, { model, images }: Desired, service: ServiceModel, isRestore: boolean): boolean {
  const digest = configDigest(model, service, images[service.name] ?? '');
  const end = current.ended.find((one) => one.service === service.name && one.digest === digest);
  if (end === undefined) return false;
  const { state, cause } = end.outcome;
  if (state === 'completed') return service.restart === 'no' || service.restart === 'on-failure';
  return isRestore && !(cause === 'stopped' && service.restart === 'always');
}

interface Starting {
  readonly kept: ReadonlyMap<string, CurrentInstance>;
  readonly isOver: (service: ServiceModel) => boolean;
  readonly restarting: readonly string[];
  readonly isEachForItself: boolean;
}

/**
 * Each service after those that it depends on. One whose health is checked is waited for at the end, or before the first that
 * depends on its being healthy: the others may need one another to become so.
 */
function planStarts({ model, checked }: Desired, starting: Starting): readonly Step[] {
  const { kept, isOver: isDone, isEachForItself } = starting;
  const steps: Step[] = [];
  const due = new Map<string, Step>();
  const publish = (name: string): void => {
    const step = due.get(name);
    if (step !== undefined) steps.push(step);
    due.delete(name);
  };
  for (const service of startOrder(model)) {
    const { name } = service;
    const instance = kept.get(name);
    if (instance === undefined && isDone(service)) continue;
    if (instance === undefined) {
      for (const step of planConditions(model, service, starting)) {
        steps.push(step);
        publish(step.dependency);
      }
    }
    const failable = isEachForItself || isOptional(model, name) ? leavingOut : {};
    steps.push(
      ...planStart(service, instance, starting, isAwaited(model, name)).map((step) => ({ ...step, ...failable })),
    );
    if (isAwaited(model, name) || instance?.isPublished === true) continue;
    due.set(name, { kind: 'publish', service: name, ...failable });
    if (!checked.includes(name)) publish(name);
  }
  return [...steps, ...due.values()];
}

type Condition = Extract<Step, { kind: 'await-dependency' }>;

/** A function, or a service on demand, is there whenever it is called, and what is not part of the app is not waited for. */
function planConditions(
  { services }: AppModel,
  { name, dependsOn }: ServiceModel,
  { isOver: isDone, isEachForItself }: Starting,
): readonly Condition[] {
  return dependsOn.flatMap(({ name: dependency, condition, required }): Condition[] => {
    const other = services[dependency];
    if (condition === 'service_started' || other?.kind !== 'service' || isOnDemand(other)) return [];
    if (condition === 'service_completed_successfully' && isDone(other)) return [];
    const failable = required ? (isEachForItself ? leavingOut : {}) : goingOn;
    return [{ kind: 'await-dependency', service: name, dependency, condition, ...failable }];
  });
}

type Start = Extract<Step, { kind: 'start-service' | 'wait-ready' }>;

function planStart(
  { name }: ServiceModel,
  kept: CurrentInstance | undefined,
  { restarting }: Starting,
  isJob: boolean,
): readonly Start[] {
  const isStarted = kept !== undefined || restarting.includes(name);
  const start: readonly Start[] = isStarted ? [] : [{ kind: 'start-service', service: name }];
  // One that others wait to have completed is not waited for to be ready: it may be over by then.
  return isJob || kept?.isReady === true ? start : [...start, { kind: 'wait-ready', service: name }];
}

const leavingOut = { whenItFails: 'leave-out' } as const;
const goingOn = { whenItFails: 'go-on' } as const;

/** Others depend on it, and none of them requires it. */
function isOptional({ services }: AppModel, name: string): boolean {
  const all = Object.values(services).flatMap(({ dependsOn }) => dependsOn.filter((one) => one.name === name));
  return all.length > 0 && all.every(({ required }) => !required);
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
