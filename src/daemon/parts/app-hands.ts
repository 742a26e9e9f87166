import type { Hands } from '../../apps/deploy/hands.ts';
import type { OwnedRoute, Spot } from '../../apps/deploy/step.ts';
import { portOf } from '../../apps/instance/instance-spec.ts';
import { lastLinesOf, waitReady } from '../../apps/supervise/readiness.ts';
import type { Supervisor, SupervisorHands } from '../../apps/supervise/supervisor.ts';
import type { Engine, Instance, NamedConnection } from '../../engines/engine.ts';
import { MinkeError, toMinkeError } from '../../errors/index.ts';
import type { Target } from '../../gateway/capacity.ts';
import type { Route, Router } from '../../gateway/router.ts';
import { defaultApp, type AppModel, type ServiceModel } from '../../model/app.ts';
import type { Id } from '../../model/ids.ts';
import type { ServicePlace } from '../../model/service-place.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { Timeline } from '../../observe/timeline.ts';
import type { Store } from '../../store/store.ts';
import type { AppContents } from './app-contents.ts';
import { createAppNetworks, noNames, type AppNetworks } from './app-networks.ts';
import type { Catalog, Deployed } from './catalog.ts';
import type { Instances } from './instances.ts';
import { createPublished, type Published } from './published.ts';
import type { ServiceEnds } from './service-ends.ts';
import { createSupervisorHands } from './supervisor-hands.ts';
import type { Volumes } from './volumes.ts';

/** What deploys and the supervisor need of the rest, and what they left in place. */
export interface AppHands {
  /** For carrying out one plan: this is what should be. */
  forDeploy(deployed: Deployed, signal: AbortSignal): Hands;
  readonly forSupervisor: SupervisorHands;
  readonly published: Pick<Published, 'of' | 'next'>;
  routesOf(app: string): readonly OwnedRoute[];
  /** Requests by route and by name find what is deployed now; the routes themselves stay as they are. */
  setTargets(deployed: Deployed): void;
  readonly networks: AppNetworks;
}

export interface AppHandsOptions {
  readonly engine: Engine;
  readonly instances: Instances;
  readonly catalog: Catalog;
  readonly store: Store;
  readonly router: Router;
  readonly volumes: Volumes;
  readonly contents: AppContents;
  readonly clock: Clock;
  readonly log: Log;
  readonly record: Timeline['record'];
  readonly ends: ServiceEnds;
  readonly supervisor: () => Supervisor;
  /** A connection to a name that no instance answers for. */
  readonly onNamed: (connection: NamedConnection) => void;
  /** Ends the run that this instance carries out, if it does; false when it does not. */
  readonly endRunOf: (instance: Id, graceMs: number) => Promise<boolean>;
}

export function createAppHands(options: AppHandsOptions): AppHands {
  const { engine, instances, catalog, store, router, volumes, contents, clock, record, ends, supervisor } = options;
  const { onNamed, endRunOf } = options;
  const networks = createAppNetworks(engine, onNamed);
  const published = createPublished(engine);
  const routes = new Map<string, readonly OwnedRoute[]>();

  const portAnswers = async (instance: Instance, signal: AbortSignal): Promise<void> => {
    const { app, name } = instance.spec;
    const { service, image } = catalog.startable(app, name);
    await waitReady(
      { name, instance, port: portOf(service, image) },
      {
        clock,
        connect: async (address, port, abort) => await engine.networks.connect(app, address, port, abort),
        lastLines: async () => await lastLinesOf(engine.logs.read(instance.handle.id, {})),
        signal,
      },
    );
  };

  const setRoutes = (deployed: Deployed, owned: readonly OwnedRoute[]): void =>
    router.setRoutes(
      deployed.model.name,
      owned.map((one) => toRoute(deployed, one)),
      targetsOf(deployed),
    );

  const setTargets = (deployed: Deployed): void => {
    const { name, services } = deployed.model;
    const left = (routes.get(name) ?? []).filter(({ service }) => Object.hasOwn(services, service));
    setRoutes(deployed, left);
  };

  const startService = async ({ model, images }: Deployed, place: ServicePlace): Promise<Instance> => {
    const service = model.services[place.service];
    const image = images.get(place.service);
    if (service === undefined || image === undefined)
      throw new MinkeError('TARGET_NOT_FOUND', { target: place.service, app: model.name });
    const instance = await instances.start({ app: model, service, image, extras: { replica: place.replica } });
    ends.forget(place);
    return instance;
  };

  const deployHands = (deployed: Deployed, signal: AbortSignal): Hands => {
    const { model, images } = deployed;
    const app = model.name;
    const placeOf = ({ service, replica }: Spot): ServicePlace => ({ app, service, replica });
    return {
      prepareImage: async (service) => {
        const image = images.get(service);
        if (image !== undefined) return image;
        throw new MinkeError('IMAGE_NOT_FOUND', { image: service, reason: 'it was not prepared' });
      },
      storeModel: async () => {
        contents.put(app, deployed.contents);
        await store.apps.put(model);
        catalog.put(deployed);
        // A check that was mended decides from now on whether its service is waited for in vain.
        supervisor().renew(app);
        setTargets(deployed);
      },
      ensureNetwork: async (names) => await networks.set(app, 'app', names),
      ensureVolume: async (volume) => volumes.ensure(volume),
      setRoutes: async (owned) => {
        setRoutes(deployed, owned);
        routes.set(app, owned);
      },
      unpublish: async (service, ids) => {
        await published.remove(app, service, ids);
        // Nobody is kept waiting by it: the others answer meanwhile.
        if (published.of(app, service).length > 0) await clock.sleep(arrivingMs, signal);
      },
      stopInstance: async (spot, id, graceMs) => {
        await supervisor().release(placeOf(spot), id);
        if (!(await endRunOf(id, graceMs))) await instances.stop(id, graceMs);
      },
      takeUp: async (spot, id) => {
        const place = placeOf(spot);
        supervisor().keep(place, instances.get(id) ?? (await startService(deployed, place)));
      },
      awaitDependency: async ({ service, dependency, condition }) => {
        const wish = condition === 'service_healthy' ? 'ready' : 'completed';
        await supervisor()
          .until(app, dependency, wish, signal)
          .catch((error: unknown) => {
            signal.throwIfAborted();
            throw dependencyFailed(service, dependency, condition, toMinkeError(error));
          });
      },
      startService: async (spot) => {
        const place = placeOf(spot);
        supervisor().keep(place, await startService(deployed, place));
      },
      waitReady: async (service) => await supervisor().until(app, service, 'started', signal),
      publish: async (service) => await supervisor().until(app, service, 'ready', signal),
      goOnWithout: (service, error) =>
        record({
          at: clock.now(),
          kind: 'deploy.went-on',
          app,
          name: service,
          facts: { error: error.toJSON() },
        }),
      // Plain containers of the operator's share one, and are told of to nobody here.
      removeNetwork: async () => {
        const isShared = app === defaultApp && instances.list(app).length > 0;
        await networks.set(app, 'app', isShared ? noNames : undefined);
      },
      removeVolume: async (volume) => volumes.remove(volume),
      forgetApp: async () => {
        await store.apps.remove(app);
        contents.remove(app);
        catalog.remove(app);
        ends.forgetApp(app);
        router.removeApp(app);
        routes.delete(app);
      },
    };
  };

  return {
    forDeploy: deployHands,
    forSupervisor: createSupervisorHands({
      ...options,
      start: async (place) => await startService(catalog.deployed(place.app), place),
      portAnswers,
      publish: published.add,
      unpublish: async ({ spec: { app, name, id } }) => await published.remove(app, name, [id]),
    }),
    networks,
    published,
    routesOf: (app) => routes.get(app) ?? [],
    setTargets,
  };
}

/** Whoever was led to an instance a moment ago has yet to send what it came for, and the instance takes no more once it is told to end. */
const arrivingMs = 250;

/** Names both, the condition and what happened. */
function dependencyFailed(name: string, dependency: string, condition: string, cause: MinkeError): MinkeError {
  const { message, facts } = cause;
  const output = cause.code === 'INSTANCE_UNHEALTHY' && facts['output'] !== undefined ? `: ${facts['output']}` : '';
  const reason = `${message.charAt(0).toLowerCase()}${message.slice(1)}${output}`;
  return new MinkeError('DEPENDENCY_FAILED', { name, dependency, condition, reason }, { cause });
}

function serviceOf(model: AppModel, name: string): ServiceModel {
  const service = model.services[name];
  if (service === undefined) throw new MinkeError('TARGET_NOT_FOUND', { target: name, app: model.name });
  return service;
}

function toRoute(deployed: Deployed, { route, service }: OwnedRoute): Route {
  return { ...route, target: targetOf(deployed, serviceOf(deployed.model, service)) };
}

const targetsOf = (deployed: Deployed): Target[] =>
  Object.values(deployed.model.services).map((service) => targetOf(deployed, service));

function targetOf({ model, images }: Deployed, service: ServiceModel): Target {
  const { name, kind, timeoutMs, concurrency, limits, queueMax } = service;
  const image = images.get(name);
  const port = (image === undefined ? service.ports[0] : portOf(service, image)) ?? 0;
  const target: Target = { app: model.name, name, kind, port, timeoutMs, concurrency, limits };
  return queueMax === undefined ? target : { ...target, queueMax };
}
