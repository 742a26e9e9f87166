import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { MinkeError } from '../../errors/index.ts';
import { closeInheritedOnExec } from '../../linux/process.ts';
import { neededPrograms } from '../../model/host.ts';
import type { Id } from '../../model/ids.ts';
import type { ReadyImage } from '../../model/instance.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { Engine, Instance } from '../engine.ts';
import { removeGroupTree } from '../local/host/cgroups.ts';
import { requireProgram } from '../local/host/program.ts';
import { instanceCapacity } from '../local/network/addresses.ts';
import { createNetworks, type LocalNetworks } from '../local/networks.ts';
import { createStarter } from '../local/starter/client.ts';
import { connectDocker, type DockerClient } from './api/client.ts';
import type { EngineFacts } from './api/types.ts';
import { executeIn } from './command.ts';
import { inspectContainer, listContainers, removeContainer, signalContainer } from './containers.ts';
import type { Context } from './context.ts';
import { createControls, setPaused } from './controls.ts';
import { watchEnds } from './ends.ts';
import { createExits } from './exits.ts';
import { writeHoldProgram } from './holder.ts';
import { createImages } from './images.ts';
import { containerName, placesFor, type Places } from './places.ts';
import { readLogs } from './logs.ts';
import { recoverInstances } from './recovery.ts';
import { createRootLives } from './root-lives.ts';
import { createRootVolumes } from './root-volumes.ts';
import { createRoots } from './roots.ts';
import { startInstance, type Running } from './running.ts';
import { forgetContainer } from './settling.ts';

export interface DockerOptions {
  /** Absolute; the daemon's identity is derived from it. */
  readonly dataFolder: string;
  /** Of the Docker Engine, which is on this machine. */
  readonly socketPath: string;
  /** An archive that `docker load` takes, in which the image has this name and no other. */
  readonly archiveOf: (image: ReadyImage, name: string) => Promise<Readable>;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the image of a kept root, which is made one layer then; absent = as many as every engine takes. */
  readonly mostLayers?: number;
  /** Those of another engine of this daemon, which outlives this one, and the folder that they are in; absent = its own. */
  readonly shared?: { readonly networks: LocalNetworks; readonly folder: string };
}

const kill = 9;
const terminate = 15;

/**
 * Containers by a Docker Engine of this machine, of API 1.41 or later. It touches nothing there that it has not made. Networks are
 * those of every engine on this machine, and not Docker's. @throws DOCKER_UNREACHABLE, DOCKER_NEEDS_ROOT, MISSING_PROGRAM
 */
export async function createDocker(options: DockerOptions): Promise<Engine> {
  requireHost();
  const client = await connectDocker(options.socketPath);
  const facts = await client.call<EngineFacts>({ method: 'GET', path: '/info' });
  const context = await createContext(options, client, facts);
  const live = new Map<Id, Running>();
  const commands = new Set<Promise<unknown>>();

  const keep = (running: Running): Instance => {
    const { id } = running.record.summary;
    live.set(id, running);
    void running.ended.then(() => live.delete(id));
    return toInstance(running);
  };

  const signal = async (id: Id, number: number): Promise<boolean> =>
    live.has(id) && (await signalContainer(context, containerName(context.places, id), number));

  const stop = async (id: Id, graceMs: number): Promise<void> => {
    const running = live.get(id);
    if (running === undefined) return;
    running.stopping.isAsked = true;
    if (running.pausing.isOn) await resume(running);
    if (graceMs > 0 && (await signal(id, running.record.stopSignal ?? terminate)))
      await endsWithin(running.ended, graceMs, context.clock);
    if (live.has(id)) await signal(id, kill);
    await running.ended;
  };

  /** It may be gone by then. */
  const resume = async (running: Running): Promise<void> => {
    await setPaused(context, running, false).catch((error: unknown) =>
      context.log.debug('Nothing to resume', { instance: running.record.summary.id, error }),
    );
  };

  const remove = async (id: Id): Promise<void> => {
    await stop(id, 0);
    await forgetContainer(context, id);
    context.exits.forget(id);
  };

  const start: Engine['start'] = async (spec, abort) => {
    abort?.throwIfAborted();
    const instance = keep(await startInstance(context, spec));
    if (abort?.aborted !== true) return instance;
    await remove(spec.id);
    throw abort.reason;
  };

  return {
    describe: () => ({ name: 'docker', details: describe(facts) }),
    prepare: async ({ image }) => void (await context.images.ensure(image)),
    start,
    stop,
    kill: async (id, number) => {
      if (live.has(id) && !(await signal(id, number))) context.log.debug('Nothing to signal', { instance: id });
    },
    inspect: async (id) => {
      const exit = live.has(id) ? undefined : context.exits.read(id);
      if (exit !== undefined) return { state: 'ended', exit };
      if (!live.has(id)) return undefined;
      const pid = (await inspectContainer(context, containerName(context.places, id)))?.State.Pid ?? 0;
      return { state: 'running', ...(pid === 0 ? {} : { pid }) };
    },
    execute: async (id, command, abort) => {
      const running = live.get(id);
      if (running === undefined) throw new MinkeError('INSTANCE_NOT_FOUND', { instance: id });
      const executing = executeIn(context, running, command, abort);
      const settled = executing.catch(() => undefined).finally(() => commands.delete(settled));
      commands.add(settled);
      return await executing;
    },
    recover: async () => (await recoverInstances(context)).map(keep),
    ended: async () => context.exits.list(),
    remove,
    logs: {
      read: (id, { follow, ...rest }) => {
        const running = live.get(id);
        return readLogs(context, id, { ...rest, follow: follow === true && running !== undefined }, running?.live);
      },
    },
    networks: context.networks,
    roots: createRoots(context),
    controls: createControls(context, live, (running) => live.set(running.record.summary.id, running)),
    close: async ({ purge }) => {
      if (context.closing.signal.aborted) return;
      if (purge) await Promise.all([...live.keys()].map(async (id) => await stop(id, 0)));
      context.closing.abort(new MinkeError('CONFLICT', { reason: 'The daemon ends' }));
      await Promise.all(commands);
      for (const running of live.values()) running.live?.close();
      context.networks.close();
      if (purge) await removeEverything(context);
      context.ends.close();
      context.networks.letGo();
    },
  };
}

/** The networks of apps are made here, and not by the Docker Engine. */
function requireHost(): void {
  if (process.geteuid?.() !== 0) throw new MinkeError('DOCKER_NEEDS_ROOT', {});
  for (const program of neededPrograms) requireProgram(program);
}

async function createContext(
  { dataFolder, archiveOf, clock, log, mostLayers, shared }: DockerOptions,
  client: DockerClient,
  facts: EngineFacts,
): Promise<Context> {
  closeInheritedOnExec();
  const own = placesFor(dataFolder);
  const places = shared === undefined ? own : { ...own, home: own.run, net: shared.folder };
  for (const folder of [places.live, places.net, places.data]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeHoldProgram(places.hold);
  const networks = shared === undefined ? ownNetworks(places, clock, log) : borrowed(shared.networks);
  // One that is about to be started has not ended.
  const isOver = async (name: string): Promise<boolean> => {
    const state = (await inspectContainer({ client }, name))?.State;
    return state?.Running !== true && state?.Status !== 'created';
  };
  const ends = watchEnds({ client, owner: places.owner, isOver, clock, log });
  const images = createImages({ client, owner: places.owner, archiveOf });
  const rootVolumes = createRootVolumes({ client, places });
  const rootLives = createRootLives({ client, places, images, rootVolumes, clock, log }, mostLayers);
  const closing = new AbortController();
  const hasOwnGroups = facts.CgroupDriver === 'cgroupfs';
  await ends.follow();
  const exits = createExits(places.exits);
  return { places, client, networks, images, rootLives, rootVolumes, ends, exits, clock, log, closing, hasOwnGroups };
}

/** With a starter of their own, which lives as long as they are being taken apart. */
function ownNetworks(places: Places, clock: Clock, log: Log): Context['networks'] {
  const pidFile = join(places.run, 'starter.pid');
  const starter = createStarter({ clock, log, pidFile, runtime: 'docker' });
  const networks = createNetworks({ places, starter, clock, log, addressesPerApp: instanceCapacity });
  return { ...networks, letGo: starter.close };
}

/** They are closed and removed by whom they belong to. */
const borrowed = (networks: LocalNetworks): Context['networks'] => ({
  ...networks,
  close: () => undefined,
  removeAll: async () => undefined,
  letGo: () => undefined,
});

const describe = ({ ServerVersion, CgroupDriver, CgroupVersion, Driver }: EngineFacts) => ({
  runtime: `Docker Engine ${ServerVersion}`,
  cgroups: `v${CgroupVersion} by ${CgroupDriver}`,
  storage: Driver,
});

function toInstance({ record, address, startedAt, stdin, stdout, stderr, ended }: Running): Instance {
  return {
    handle: { version: 1, engine: 'docker', id: record.summary.id },
    spec: record.summary,
    address,
    startedAt,
    ...(stdin === undefined ? {} : { stdin }),
    ...(stdout === undefined ? {} : { stdout }),
    ...(stderr === undefined ? {} : { stderr }),
    exited: ended,
  };
}

async function endsWithin(exited: Promise<unknown>, ms: number, clock: Clock): Promise<void> {
  const over = new AbortController();
  await Promise.race([exited, clock.sleep(ms, over.signal).catch(() => undefined)]);
  over.abort();
}

async function removeEverything(context: Context): Promise<void> {
  const { places, images, rootVolumes, networks } = context;
  const found = await listContainers(context);
  await Promise.all(found.map(async ({ Id: container }) => await removeContainer(context, container)));
  await rootVolumes.recover(new Set());
  await networks.removeAll();
  await images.removeBut([]);
  await removeGroupTree(places.cgroup);
  for (const folder of [places.home, places.data]) rmSync(folder, { recursive: true, force: true });
}
