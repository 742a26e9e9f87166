import { isOnDemand, placesOf, type AppModel, type ServiceModel } from '../../model/app.ts';
import { isAwaited } from './is-awaited.ts';
import type { KeptPlaces } from './kept-places.ts';
import { startOrder } from './start-order.ts';
import type { Current, CurrentInstance, Desired, Step } from './step.ts';

export interface Starting {
  readonly kept: KeptPlaces;
  /** What is to be done there is done: it is not begun again. */
  readonly isOver: (service: ServiceModel, replica: number) => boolean;
  readonly restarting: Current['restarting'];
  readonly isEachForItself: boolean;
}

/**
 * Each service after those that it depends on, all its places at once. One whose health is checked is waited for at the end, or
 * before the first that depends on its being healthy: the others may need one another to become so.
 */
export function planStarts({ model, checked }: Desired, starting: Starting): readonly Step[] {
  const { kept, isEachForItself } = starting;
  const steps: Step[] = [];
  const due = new Map<string, Step>();
  const publish = (name: string): void => {
    const step = due.get(name);
    if (step !== undefined) steps.push(step);
    due.delete(name);
  };
  for (const service of startOrder(model)) {
    const { name } = service;
    const open = openPlaces(service, starting);
    if (open.length > 0) {
      for (const step of planConditions(model, service, starting)) {
        steps.push(step);
        publish(step.dependency);
      }
    }
    const failable = isEachForItself || isOptional(model, name) ? leavingOut : {};
    const isJob = isAwaited(model, name);
    steps.push(...planStart(service, open, starting, isJob).map((step) => ({ ...step, ...failable })));
    if (isJob || !isDue(open, keptOf(kept, name), ({ isPublished }) => isPublished)) continue;
    due.set(name, { kind: 'publish', service: name, ...failable });
    if (!checked.includes(name)) publish(name);
  }
  return [...steps, ...due.values()];
}

/** Those that have no instance and are to have one. */
const openPlaces = (service: ServiceModel, { kept, isOver }: Starting): readonly number[] =>
  placesOf(service).filter((replica) => kept.get(service.name)?.has(replica) !== true && !isOver(service, replica));

const keptOf = (kept: KeptPlaces, name: string): readonly CurrentInstance[] => [...(kept.get(name)?.values() ?? [])];

/** Something is to be waited for: what is started now, or what runs and is not so yet. */
const isDue = (
  open: readonly number[],
  kept: readonly CurrentInstance[],
  isSo: (instance: CurrentInstance) => boolean,
): boolean => open.length > 0 || !kept.every(isSo);

type Condition = Extract<Step, { kind: 'await-dependency' }>;

/**
 * A function, or a service on demand, is there whenever it is called; what is not part of the app is not waited for, nor what is not
 * to run at all.
 */
function planConditions(
  { services }: AppModel,
  { name, dependsOn }: ServiceModel,
  { isOver, isEachForItself }: Starting,
): readonly Condition[] {
  return dependsOn.flatMap(({ name: dependency, condition, required }): Condition[] => {
    const other = services[dependency];
    if (condition === 'service_started' || other?.kind !== 'service' || isOnDemand(other)) return [];
    const places = placesOf(other);
    if (places.length === 0) return [];
    const isCompleted = condition === 'service_completed_successfully' && places.every((one) => isOver(other, one));
    if (isCompleted) return [];
    const failable = required ? (isEachForItself ? leavingOut : {}) : goingOn;
    return [{ kind: 'await-dependency', service: name, dependency, condition, ...failable }];
  });
}

type Start = Extract<Step, { kind: 'start-service' | 'wait-ready' }>;

function planStart(
  { name }: ServiceModel,
  open: readonly number[],
  { kept, restarting }: Starting,
  isJob: boolean,
): readonly Start[] {
  const isRestarted = (replica: number): boolean =>
    restarting.some((one) => one.service === name && one.replica === replica);
  const starts = open
    .filter((replica) => !isRestarted(replica))
    .map((replica): Start => ({ kind: 'start-service', service: name, replica }));
  // One that others wait to have completed is not waited for to be ready: it may be over by then.
  const isWaited = !isJob && isDue(open, keptOf(kept, name), ({ isReady }) => isReady);
  return isWaited ? [...starts, { kind: 'wait-ready', service: name }] : starts;
}

const leavingOut = { whenItFails: 'leave-out' } as const;
const goingOn = { whenItFails: 'go-on' } as const;

/** Others depend on it, and none of them requires it. */
function isOptional({ services }: AppModel, name: string): boolean {
  const all = Object.values(services).flatMap(({ dependsOn }) => dependsOn.filter((one) => one.name === name));
  return all.length > 0 && all.every(({ required }) => !required);
}
