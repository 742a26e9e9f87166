import { placesOf, type ServiceModel } from '../../model/app.ts';
import { configDigest } from '../instance/config-digest.ts';
import { startOrder } from './start-order.ts';
import type { Current, CurrentInstance, Desired } from './step.ts';

/** Of each service that runs all the time, by place, the instance that may stay as it is. */
export type KeptPlaces = ReadonlyMap<string, Places>;

type Places = ReadonlyMap<number, CurrentInstance>;

export interface Asked {
  /** Whether somebody asked for this service to be dealt with. */
  readonly isAsked: (service: string) => boolean;
  /** What was asked for is begun anew, whether it runs as it should or has ended. */
  readonly isAnew: boolean;
  /** One whose dependency is replaced is restarted with it, where it says so. */
  readonly drawsAlong: boolean;
}

export interface Keepable {
  readonly places: KeptPlaces;
  /** Services that are restarted with what they depend on. */
  readonly drawnAlong: ReadonlySet<string>;
}

/** What may stay of what runs, and what goes since something else does. Pure. */
export function keptPlaces(current: Current, desired: Desired, { isAsked, isAnew, drawsAlong }: Asked): Keepable {
  const places = new Map<string, Places>();
  const drawnAlong = new Set<string>();
  const replaced = new Set<string>();
  for (const service of startOrder(desired.model)) {
    const { name, dependsOn } = service;
    const isDrawn = drawsAlong && dependsOn.some((one) => one.restart && replaced.has(one.name));
    if (isDrawn) drawnAlong.add(name);
    const isBegunAnew = isDrawn || (isAnew && isAsked(name));
    const kept: Places = isBegunAnew ? new Map() : fittingPlaces(current, desired, service);
    places.set(name, kept);
    const open = placesOf(service).filter((replica) => !kept.has(replica));
    const isReplaced = instancesOf(current, name).some((one) => one.kind === 'service' && open.includes(one.replica));
    if (isReplaced && (isDrawn || isAsked(name))) replaced.add(name);
  }
  return { places, drawnAlong };
}

export const instancesOf = (current: Current, service: string): readonly CurrentInstance[] =>
  current.instances.filter((instance) => instance.service === service);

function fittingPlaces(current: Current, { model, images }: Desired, service: ServiceModel): Places {
  const digest = configDigest(model, service, images[service.name] ?? '');
  const fitting = instancesOf(current, service.name).filter((instance) => instance.digest === digest);
  const entries = placesOf(service).flatMap((place) => {
    const here = fitting.filter(({ replica }) => replica === place);
    const best = here.find(({ isPublished }) => isPublished) ?? here.find(({ isReady }) => isReady) ?? here[0];
    return best === undefined ? [] : [[place, best] as const];
  });
  return new Map(entries);
}
