import { join } from 'node:path';
import type { StatusAnswer } from '../api/types.ts';
import { createSupervisor, type Supervisor } from '../apps/supervise/supervisor.ts';
import { createDockerApi, type DockerApi } from '../dockerapi/docker-api.ts';
import type { Engine } from '../engines/engine.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import { createRouter } from '../gateway/router.ts';
import { createBuilds } from '../image/build/builds.ts';
import type { ImageStore } from '../image/store.ts';
import type { AppModel } from '../model/app.ts';
import { isDeclared } from '../model/declared.ts';
import type { Id } from '../model/ids.ts';
import type { ScheduleModel } from '../model/schedule.ts';
import type { Clock } from '../observe/clock.ts';
import type { Log } from '../observe/log.ts';
import type { Store } from '../store/store.ts';
import { createSchedules, type Schedules } from '../tasks/schedules.ts';
import { createTasks, type Tasks } from '../tasks/tasks.ts';
import type { Desk } from './api/desk.ts';
import { createContainers } from './containers/containers.ts';
import { isOurs, serveApi } from './api/server.ts';
import { createDeclarations, type Declarations } from './declarations/declarations.ts';
import { createAppContents } from './parts/app-contents.ts';
import { createAppHands, type AppHands } from './parts/app-hands.ts';
import { eventOfCall } from './parts/call-record.ts';
import { callbackSecretFile, openCallbackSecret } from './parts/callback-secret.ts';
import { createCapacity } from './parts/capacity.ts';
import { createCatalog, type Catalog } from './parts/catalog.ts';
import { createLocalImages } from './parts/local-images.ts';
import { createDeploys, type Deploys } from './parts/deploys.ts';
import { createDockerNetworks } from './parts/docker-networks.ts';
import { createDockerVolumes } from './parts/docker-volumes.ts';
import { createDoors, type Doors } from './parts/doors.ts';
import { createFunctions, type Functions } from './parts/functions.ts';
import { hostFacts } from './parts/host-facts.ts';
import { createInstances, type Instances } from './parts/instances.ts';
import { createLauncher } from './parts/launcher.ts';
import type { Address } from './listen.ts';
import { createRunNetworks, type RunNetworks } from './parts/run-networks.ts';
import { createServiceEnds } from './parts/service-ends.ts';
import { createDaemonTimeline, type DaemonTimeline } from './parts/timeline.ts';
import { version } from './version.ts';
import { createVolumes } from './parts/volumes.ts';

/** All parts of a daemon, each knowing of the others only what its own interface asks for. */
export interface World {
  readonly engine: Engine;
  readonly store: Store;
  readonly images: ImageStore;
  readonly catalog: Catalog;
  readonly instances: Instances;
  readonly doors: Doors;
  readonly hands: AppHands;
  readonly supervisor: Supervisor;
  readonly functions: Functions;
  readonly deploys: Deploys;
  readonly tasks: Tasks;
  readonly schedules: Schedules;
  readonly networks: RunNetworks;
  readonly containers: ReturnType<typeof createContainers>;
  readonly gateway: Gateway;
  readonly dockerApi: DockerApi;
  readonly timeline: DaemonTimeline;
  readonly desk: Desk;
  status(): StatusAnswer;
  setGatewayAddress(address: Address): void;
  /** Ends every service, gently, and leaves the app files' wishes as they are. */
  stopServices(): Promise<void>;
}

export interface WorldOptions {
  readonly dataFolder: string;
  readonly runFolder: string;
  readonly engine: Engine;
  readonly store: Store;
  readonly images: ImageStore;
  readonly log: Log;
  readonly clock: Clock;
  readonly onShutdown: (how: { readonly stop: boolean; readonly purge: boolean }) => void;
}

export function assemble(options: WorldOptions): World {
  const { dataFolder, runFolder, engine, store, images, log, clock, onShutdown } = options;
  const startedAt = clock.now();
  const timeline = createDaemonTimeline(store, log);
  const { record } = timeline;
  const builds = createBuilds({ folder: join(dataFolder, 'builds'), images, env: process.env, log });
  const catalog = createCatalog((app, model) => {
    schedules.set(app, schedulesOf(model));
    declarations.changed();
  });
  const router = createRouter();
  const volumes = createVolumes(join(dataFolder, 'volumes'));
  const contents = createAppContents(join(dataFolder, 'contents'));
  let gatewayAddress: Address = { host: '', port: 0 };

  const doors = createDoors(join(runFolder, 'doors'), {
    handle: (request, response, caller) => {
      if (isOurs(request)) void serveApi(desk, log, request, response, caller);
      else void dockerApi.handle(request, response, caller);
    },
    upgrade: (request, socket, head, caller) => void dockerApi.upgrade(request, socket, head, caller),
    wantsUpgrade: (request) => dockerApi.wantsUpgrade(request),
  });
  const instances = createInstances({
    engine,
    doors,
    clock,
    record,
    volumePath: volumes.path,
    contents,
    onEnd: ({ handle }) => {
      dockerApi
        .callerEnded(handle.id)
        .catch((error: unknown) => log.error('A caller could not be cleaned up after', { error }));
    },
  });
  const ends = createServiceEnds(store.apps, log);
  const hands = createAppHands({
    engine,
    instances,
    catalog,
    store,
    router,
    volumes,
    contents,
    clock,
    log,
    record,
    ends,
    supervisor: () => supervisor,
    onNamed: (connection) => {
      if (connection.isFromHost) return gateway.handleNamed(connection);
      void instances
        .at(connection.app, connection.from)
        .then((caller) => gateway.handleNamed(connection, caller?.handle.id));
    },
    endRunOf: async (instance, graceMs) => await endRunOf(tasks, instance, graceMs),
  });
  const supervisor = createSupervisor({ hands: hands.forSupervisor, clock, record });
  const functions = createFunctions({ engine, instances, catalog, hands: hands.forSupervisor, clock, log, record });
  const deploys = createDeploys({
    engine,
    images,
    builds,
    catalog,
    store,
    hands,
    instances,
    supervisor,
    functions,
    volumes,
    ends,
    contents,
    clock,
    log,
    record,
  });
  const dockerNetworks = createDockerNetworks(join(dataFolder, 'networks.json'), clock);
  const networks = createRunNetworks({
    engine,
    networks: dockerNetworks,
    isOfFile: (app) => {
      const deployed = catalog.get(app);
      return deployed !== undefined && !isDeclared(deployed.model);
    },
    setNames: async (app, names) => await hands.networks.set(app, 'containers', names),
    clock,
    log,
  });
  const launcher = createLauncher({ engine, instances, catalog, images, hands, volumes, networks, clock });
  const tasks: Tasks = createTasks({
    store,
    launcher,
    clock,
    log,
    callbackSecret: openCallbackSecret(dataFolder),
    record,
  });
  const schedules = createSchedules({ store: store.schedules, tasks, clock, log, record });
  const capacity = createCapacity({ engine, instances, catalog, hands, functions, tasks: () => tasks });
  const gateway: Gateway = createGateway({
    router,
    capacity,
    clock,
    log,
    software: `minke/${version}`,
    record: (call) => {
      const event = eventOfCall(call);
      if (event !== undefined) record(event);
    },
  });
  const containers = createContainers({
    tasks,
    store,
    engine,
    instances,
    catalog,
    images,
    networks,
    volumes,
    clock,
    log,
  });
  const declarations: Declarations = createDeclarations({
    file: join(dataFolder, 'declarations.json'),
    containers,
    deploys,
    catalog,
    instances,
    networks: dockerNetworks,
    images,
    tasks,
    store,
    engine,
    timeline,
    endRunOf: async (instance, graceMs) => await endRunOf(tasks, instance, graceMs),
    clock,
  });
  const { controls } = engine;
  const facts = hostFacts({
    version,
    id: dataFolder,
    dataFolder,
    engine: engine.describe().name,
    hasTerminals: controls !== undefined,
  });
  const dockerApi: DockerApi = createDockerApi({
    containers: declarations.containers,
    engine,
    clock,
    log,
    record,
    images: createLocalImages(images, catalog, instances, store.containers),
    networks: dockerNetworks,
    volumes: createDockerVolumes(volumes, catalog, join(dataFolder, 'volume-labels.json')),
    info: async () => facts,
  });
  const status = (): StatusAnswer => ({
    version,
    pid: process.pid,
    startedAt,
    dataFolder,
    callbackSecretFile: callbackSecretFile(dataFolder),
    runFolder,
    engine: engine.describe(),
    gateway: gatewayAddress,
    apps: catalog.list().length,
  });
  const desk: Desk = {
    builds,
    catalog,
    clock,
    deploys,
    engine,
    gateway,
    images,
    instances,
    log,
    schedules,
    store,
    supervisor,
    tasks,
    timeline,
    status,
    shutdown: onShutdown,
  };
  return {
    engine,
    store,
    images,
    catalog,
    instances,
    doors,
    hands,
    supervisor,
    functions,
    deploys,
    tasks,
    schedules,
    networks,
    containers,
    gateway,
    dockerApi,
    timeline,
    desk,
    status,
    setGatewayAddress: (address) => {
      gatewayAddress = address;
    },
    stopServices: async () => {
      await supervisor.close();
      const stopping = instances.list().map(async ({ spec }) => {
        await instances.stop(spec.id, catalog.service(spec.app, spec.name)?.stopGraceMs ?? 0);
      });
      await Promise.all(stopping);
      await engine.networks.releasePorts();
    },
  };
}

const schedulesOf = (model: AppModel | undefined): Record<string, readonly ScheduleModel[]> =>
  Object.fromEntries(Object.values(model?.services ?? {}).map(({ name, schedules = [] }) => [name, schedules]));

/** Taking an app down cancels its runs, so that their rows say why they ended. */
async function endRunOf(tasks: Tasks, instance: Id, graceMs: number): Promise<boolean> {
  const running = await tasks.list({ states: ['starting', 'running'], limit: 10_000 });
  const run = running.find((one) => one.instance === instance);
  if (run === undefined) return false;
  await tasks.cancel(run.id, 'its app was taken down', graceMs);
  return true;
}
