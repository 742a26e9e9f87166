import { existsSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { flushCompileCache } from 'node:module';
import { dirname, join } from 'node:path';
import { createBoundedEngine } from '../engines/bounded.ts';
import { placesFor } from '../engines/sandbox/places.ts';
import { MinkeError } from '../errors/index.ts';
import { http } from '../linux/node-http.ts';
import { systemClock } from '../observe/clock.ts';
import { createLog, type Log } from '../observe/log.ts';
import { createRegistrySource } from '../image/registry/registry.ts';
import { createImageStore } from '../image/store.ts';
import { createSqliteStore } from '../store/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { isOurs, serveApi } from './api/server.ts';
import { loadReader } from './api/read-model.ts';
import { listenNearby, listenOnSocket, type Address } from './listen.ts';
import { createEngine, type EngineChoice } from './engine.ts';
import { lockDataFolder } from './lock.ts';
import { recoverEverything } from './recover.ts';
import { assemble, type World } from './world.ts';

export interface ServeOptions {
  /** Made when it is missing. */
  readonly dataFolder: string;
  /** Absent: 127.0.0.1:8080, or the next port that is free. */
  readonly gateway?: Address;
  /** Absent: the sandbox, with crun, or runc where crun is missing. */
  readonly engine?: EngineChoice;
  /** `postgres://USER@HOST/DATABASE`, for what is otherwise kept in a file of the data folder. */
  readonly store?: string;
  readonly writeLog: (line: string) => void;
  /** Aborted: the daemon ends and leaves services and runs alive. */
  readonly signal: AbortSignal;
}

export interface Daemon {
  readonly gateway: Address;
  /** Resolves when everything of this process has ended. */
  readonly closed: Promise<void>;
}

/** The daemon: resolves when it answers. */
export async function serve(options: ServeOptions): Promise<Daemon> {
  const log = createLog(options.writeLog);
  const dataFolder = openDataFolder(options.dataFolder);
  const lock = lockDataFolder(dataFolder);
  try {
    return await begin(options, dataFolder, log, lock.release);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** What speaks PostgreSQL is loaded where it is needed: no other daemon waits for it. */
async function openStore(url: string | undefined, dataFolder: string): Promise<Store> {
  if (url === undefined) return await createSqliteStore({ file: join(dataFolder, 'minke.db') });
  const { createPostgresStore } = await import('../store/postgres-store.ts');
  return await createPostgresStore({ url });
}

async function begin(options: ServeOptions, dataFolder: string, log: Log, unlock: () => void): Promise<Daemon> {
  // What is open already when something fails half-way.
  await using opened = new AsyncDisposableStack();
  const opening = openStore(options.store, dataFolder);
  opened.defer(async () => await opening.then(async (one) => await one.close()).catch(() => undefined));
  const images = createImageStore({
    folder: join(dataFolder, 'images'),
    nodePath: process.execPath,
    log,
    sources: [createRegistrySource({ env: process.env })],
  });
  opened.defer(async () => await images.close());
  // Side by side, since each begins with a process or a thread that takes its time to load.
  const [store, chosen] = await Promise.all([
    opening,
    createEngine(options.engine ?? { name: 'sandbox' }, { dataFolder, images, clock: systemClock, log }),
    images.list(),
  ]);
  const engine = createBoundedEngine(chosen, { clock: systemClock, log });
  opened.defer(async () => await engine.close({ purge: false }));
  const ending = Promise.withResolvers<Ending>();
  const runFolder = placesFor(dataFolder).run;
  const clock = systemClock;
  const world = assemble({ dataFolder, runFolder, engine, store, images, log, clock, onShutdown: ending.resolve });
  await recoverEverything(world, log);
  const api = createApiServer(world, log);
  const gateway = await listenNearby(async (host, port) => await world.gateway.listen(host, port), options.gateway);
  world.setGatewayAddress(gateway);
  opened.defer(async () => await world.gateway.close({ graceMs: 0 }));
  const socket = await listenOnSocket(api, dataFolder, runFolder);
  opened.move();
  log.info('The daemon answers', { socket, gateway: `http://${gateway.host}:${gateway.port}`, pid: process.pid });
  // Left to the end of the process it would never be written where every life ends by kill -9: twice the time to start.
  setImmediate(flushCompileCache);
  loadWhenQuiet(log, options.signal);
  const leave = (): void => ending.resolve({ stop: false, purge: false });
  options.signal.addEventListener('abort', leave, { once: true });
  if (options.signal.aborted) leave();
  const closed = ending.promise.then(async (how) => {
    await end(world, how, log);
    if (how.purge) removeData(dataFolder);
    // Last, since whoever waits for the daemon's end watches its socket.
    api.closeAllConnections();
    api.close();
    unlock();
    if (how.purge) rmSync(dataFolder, { recursive: true, force: true });
  });
  return { gateway, closed };
}

/** Milliseconds after the start in which nothing but answering is done. */
const quietAfterMs = 2000;

/** What was not needed to answer. Not left to the first deploy: the files may be those of another version by then. */
function loadWhenQuiet(log: Log, signal: AbortSignal): void {
  const load = async (): Promise<void> => {
    await loadReader();
    flushCompileCache();
  };
  const timer = setTimeout(() => {
    load().catch((error: unknown) => log.error('A part of the daemon cannot be loaded', { error }));
  }, quietAfterMs);
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
}

export interface Ending {
  /** Drains and stops what runs; without, it is left alive for the next daemon. */
  readonly stop: boolean;
  /** Removes all data as well. */
  readonly purge: boolean;
}

/** Everything but the socket that people still look at, and the lock. */
function removeData(folder: string): void {
  for (const entry of readdirSync(folder)) {
    if (entry !== 'minke.sock' && entry !== 'daemon.lock')
      rmSync(join(folder, entry), { recursive: true, force: true });
  }
}

/** Nothing new comes in; what runs is drained, or let go of for the next daemon. */
async function end(world: World, { stop, purge }: Ending, log: Log): Promise<void> {
  log.info('The daemon ends', { stop, purge });
  const drainMs = 10_000;
  world.networks.close();
  world.containers.close();
  await world.deploys.close();
  await world.gateway.close({ graceMs: stop && !purge ? drainMs : 1000 });
  await world.functions.close();
  await world.schedules.close();
  if (stop) {
    await world.tasks.drain({ timeoutMs: purge ? 0 : drainMs });
    await world.stopServices();
  }
  await world.supervisor.close();
  world.dockerApi.close();
  await world.tasks.close();
  world.doors.closeAll();
  await world.engine.close({ purge });
  await world.images.close();
  await world.timeline.flushed();
  await world.store.close();
}

/** The operator's door: minke's own API and the Docker API on one socket. */
function createApiServer(world: World, log: Log): Server {
  const operator = { door: 'operator' } as const;
  const server = http.createServer(
    { requestTimeout: 0, shouldUpgradeCallback: (request) => world.dockerApi.wantsUpgrade(request) },
    (request, response) => {
      if (isOurs(request)) void serveApi(world.desk, log, request, response, operator);
      else void world.dockerApi.handle(request, response, operator);
    },
  );
  server.on(
    'upgrade',
    (request, socket, head) => void world.dockerApi.upgrade(request, socket as never, head, operator),
  );
  return server;
}

function openDataFolder(folder: string): string {
  try {
    makeFolder(folder);
    return realpathSync(folder);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MinkeError('DATA_FOLDER', { folder, reason }, { cause });
  }
}

/** Where the parent exists and yet nothing can be made in it (/proc), Node 24's recursive mkdir tries for ever. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  mkdirSync(folder, { mode: 0o711 });
}
