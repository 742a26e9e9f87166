import { isAwaited } from '../../apps/deploy/is-awaited.ts';
import { replicaOf } from '../../apps/instance/instance-spec.ts';
import { lastLinesOf } from '../../apps/supervise/readiness.ts';
import type { ServicePolicy, SupervisorHands } from '../../apps/supervise/supervisor.ts';
import type { Engine } from '../../engines/engine.ts';
import { checkHealth } from '../../engines/health.ts';
import { hasPlace } from '../../model/app.ts';
import { healthRules } from '../../model/health-decision.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { Catalog, Deployed } from './catalog.ts';
import type { Instances } from './instances.ts';
import type { ServiceEnds } from './service-ends.ts';

export interface SupervisorHandsOptions extends Pick<SupervisorHands, 'start' | 'publish' | 'unpublish'> {
  readonly engine: Engine;
  readonly instances: Instances;
  readonly catalog: Catalog;
  readonly ends: ServiceEnds;
  readonly clock: Clock;
  readonly log: Log;
  readonly portAnswers: SupervisorHands['waitReady'];
}

/** What the supervisor needs of the rest. */
export function createSupervisorHands(options: SupervisorHandsOptions): SupervisorHands {
  const { engine, instances, catalog, ends, start, publish, unpublish, portAnswers } = options;
  return {
    policyOf: (place) => {
      const deployed = catalog.get(place.app);
      return deployed !== undefined && hasPlace(deployed.model, place) ? policyOf(deployed, place.service) : undefined;
    },
    start,
    waitReady: async (instance, signal) => {
      const { app, name } = instance.spec;
      const model = catalog.get(app)?.model;
      // A job may have been made from the image of a server, whose port it does not open.
      if (model === undefined || !isAwaited(model, name)) await portAnswers(instance, signal);
    },
    publish,
    unpublish,
    stop: async ({ spec: { id, app, name } }) => await instances.stop(id, catalog.service(app, name)?.stopGraceMs ?? 0),
    check: async (instance, rules, signal) => await checkHealth(options, instance, rules, signal),
    lastLines: async ({ app, service, replica }) => {
      const last = instances.withLogs(app).findLast((one) => one.name === service && replicaOf(one) === replica);
      return last === undefined ? [] : await lastLinesOf(engine.logs.read(last.id, {}));
    },
    settled: async ({ app, service, replica }, outcome, last) =>
      await ends.put({ app, service, replica, outcome, digest: last?.spec.labels['minke.digest'] ?? '' }),
  };
}

/** Undefined where there is no such service (any more): a function is nobody's to keep up. */
export function policyOf({ model, images }: Deployed, name: string): ServicePolicy | undefined {
  const service = Object.hasOwn(model.services, name) ? model.services[name] : undefined;
  if (service?.kind !== 'service') return undefined;
  const { restart: condition, restartBounds: bounds } = service;
  // A job may be made from the image of a server, whose check it could never pass.
  const ofImage = isAwaited(model, name) ? undefined : images.get(name)?.config.healthcheck;
  const health = healthRules(service.healthcheck, ofImage);
  return {
    restart: { condition, ...(bounds === undefined ? {} : { bounds }) },
    ...(health === undefined ? {} : { health }),
  };
}
