import { MinkeError } from '../../errors/index.ts';
import { isOnDemand, type AppModel, type ServiceModel } from '../../model/app.ts';
import { suggestion } from '../file/problems.ts';
import type { PlanOptions } from './plan.ts';

/** What somebody asks of services of an app that is deployed, beside its file. It holds until the file is brought up again. */
export type Wish =
  | { readonly verb: 'scale'; readonly replicas: Readonly<Record<string, number>> }
  | {
      readonly verb: 'stop' | 'start' | 'restart' | 'rm';
      /** None: all of them. */
      readonly services: readonly string[];
    };

/**
 * The app as it is wished for, and what a plan for it is about. Pure.
 * @throws SERVICE_NOT_FOUND, and NOT_SUPPORTED for what comes and goes with those who call it
 */
export function wished(
  model: AppModel,
  wish: Wish,
): { readonly model: AppModel; readonly options: Required<Pick<PlanOptions, 'only' | 'isAnew'>> } {
  const only = namesOf(model, wish).map((name) => serviceOf(model, name, wish.verb).name);
  const services = Object.fromEntries(only.map((name) => [name, changed(model, name, wish)]));
  return {
    model: { ...model, services: { ...model.services, ...services } },
    options: { only, isAnew: wish.verb === 'restart' },
  };
}

function namesOf({ services }: AppModel, wish: Wish): readonly string[] {
  if (wish.verb === 'scale') return Object.keys(wish.replicas);
  if (wish.services.length > 0) return [...new Set(wish.services)];
  return Object.values(services)
    .filter((service) => service.kind === 'service' && !isOnDemand(service))
    .map(({ name }) => name);
}

function serviceOf({ name: app, services }: AppModel, name: string, verb: Wish['verb']): ServiceModel {
  const service = Object.hasOwn(services, name) ? services[name] : undefined;
  if (service === undefined)
    throw new MinkeError('SERVICE_NOT_FOUND', { app, name, mend: suggestion(name, Object.keys(services)) });
  const what = `"minke ${verb}" of "${name}"`;
  if (service.kind !== 'service')
    throw new MinkeError('NOT_SUPPORTED', {
      what,
      reason: 'it is a function, which runs only while somebody calls it',
    });
  if (isOnDemand(service))
    throw new MinkeError('NOT_SUPPORTED', { what, reason: 'its first connection starts it, and its last one ends it' });
  return service;
}

function changed(model: AppModel, name: string, wish: Wish): ServiceModel {
  const { isStopped: _, isRemoved: __, ...service } = serviceOf(model, name, wish.verb);
  if (wish.verb === 'stop') return { ...service, isStopped: true };
  if (wish.verb === 'rm') return { ...service, isStopped: true, isRemoved: true };
  return wish.verb === 'scale' ? { ...service, replicas: wish.replicas[name] ?? service.replicas } : service;
}
