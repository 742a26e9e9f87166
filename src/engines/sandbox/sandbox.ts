import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupLayout } from '../../linux/cgroup.ts';
import { closeInheritedOnExec } from '../../linux/process.ts';
import { nameShortage } from '../../linux/shortage.ts';
import { readPidFile, signalProcess, untilGone, type ProcessName } from '../../linux/proc.ts';
import { isId, type Id } from '../../model/ids.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import { MinkeError } from '../../errors/index.ts';
import type { Engine, Instance } from '../engine.ts';
import { startBrief, type Running } from './brief.ts';
import { executeIn } from './command.ts';
import { isFrozen, killIn, removeGroupTree, thawGroup } from '../local/host/cgroups.ts';
import { createControls } from './controls.ts';
import type { Context } from './context.ts';
import { watchEnds } from './ends.ts';
import { createExits } from './exits.ts';
import { startLasting } from './lasting.ts';
import { createLogWriter } from './log-writer.ts';
import { keptBytes, readLog } from './logs/reader.ts';
import { instanceCapacity } from '../local/network/addresses.ts';
import { createNetworks, type LocalEngine } from '../local/networks.ts';
import { placesFor } from './places.ts';
import { requireHost } from './require.ts';
import { containerOf } from './record.ts';
import { recoverInstances } from './recovery.ts';
import { createRoots } from './roots.ts';
import { firstProcess, stateFolder } from './runtime/containers.ts';
import type { RuntimeName } from './runtime/runtime.ts';
import { createStarter } from '../local/starter/client.ts';

export interface SandboxOptions {
  /** Absolute; the daemon's identity is derived from it. */
  readonly dataFolder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How many instances of an app may have an address at once; default: as many as its network has. */
  readonly addressesPerApp?: number;
  /** Absent: crun, or runc where crun is missing. */
  readonly runtime?: RuntimeName;
}

const kill = 9;
const terminate = 15;

/**
 * The embedded engine: containers straight from an OCI runtime, without a daemon of its own and without Docker. Needs root
 * (NOT_ROOT), cgroups (CGROUPS_UNUSABLE) and its programs (MISSING_PROGRAM).
 */
export async function createSandbox(options: SandboxOptions): Promise<LocalEngine> {
  const context = await createContext(options);
  const live = new Map<Id, Running>();

  const rethrow =
    (what: string, action: string) =>
    (thrown: unknown): never => {
      const { run, memory, logs } = context.places;
      throw nameShortage(thrown, { what, action, folders: [run, memory, logs] });
    };

  const keep = (running: Running): Instance => {
    const { id } = running.record.summary;
    live.set(id, running);
    void running.ended.then(() => live.delete(id));
    return toInstance(running);
  };

  const processOf = (id: Id): ProcessName | undefined => {
    const running = live.get(id);
    return running && firstProcess(context.places.memory, containerOf(running.record));
  };

  const signal = (id: Id, number: number): boolean => {
    const found = processOf(id);
    return found !== undefined && signalProcess(found.pid, found.ticks, number);
  };

  const stop = async (id: Id, graceMs: number): Promise<void> => {
    const running = live.get(id);
    if (running === undefined) return;
    running.stopping.isAsked = true;
    if (isFrozen(running.group)) thawGroup(running.group);
    const asked = running.record.stopSignal ?? terminate;
    if (graceMs > 0 && signal(id, asked)) await endsWithin(running.ended, graceMs, context.clock);
    if (live.has(id)) await killSurely(id);
    await running.ended;
  };

  /** While no descriptor is left, nobody can find its process. */
  const killSurely = async (id: Id): Promise<void> => {
    const tryAgainMs = 100;
    while (live.has(id)) {
      try {
        signal(id, kill);
        return;
      } catch {
        await context.clock.sleep(tryAgainMs);
      }
    }
  };

  const start: Engine['start'] = async (spec, abort) => {
    abort?.throwIfAborted();
    const starting = spec.streams === 'pipes' ? startBrief(context, spec) : startLasting(context, spec);
    const instance = keep(await starting.catch(rethrow(`what "${spec.name}" needs`, `start "${spec.name}"`)));
    if (abort?.aborted !== true) return instance;
    await stop(spec.id, 0);
    throw abort.reason;
  };

  return {
    describe: () => ({ name: 'sandbox', details: { runtime: context.runtime.program, cgroups: cgroupLayout() } }),
    start,
    stop,
    kill: async (id, number) => {
      if (live.has(id) && !signal(id, number)) context.log.debug('Nothing to signal', { instance: id });
    },
    inspect: async (id) => {
      const exit = live.has(id) ? undefined : context.exits.read(id);
      if (exit !== undefined) return { state: 'ended', exit };
      if (!live.has(id)) return undefined;
      const pid = processOf(id)?.pid;
      return { state: 'running', ...(pid === undefined ? {} : { pid }) };
    },
    execute: async (id, command, abort) => {
      const running = live.get(id);
      if (running === undefined) throw new MinkeError('INSTANCE_NOT_FOUND', { instance: id });
      const name = running.record.summary.name;
      return await executeIn(context, running, command, abort).catch(
        rethrow(`a command in "${name}"`, `run a command in "${name}"`),
      );
    },
    recover: async () => (await recoverInstances(context)).map(keep),
    ended: async () =>
      readdirSync(context.places.logs).filter((id) => isId(id) && context.exits.read(id) !== undefined),
    remove: async (id) => {
      await stop(id, 0);
      context.exits.forget(id);
    },
    controls: createControls(context.places, live, (running) => live.set(running.record.summary.id, running)),
    roots: createRoots(context),
    logs: {
      read: (id, { follow, ...rest }) =>
        readLog(join(context.places.logs, id), { ...rest, follow: follow === true && live.has(id) }),
      keptBytes: async (id) => await keptBytes(join(context.places.logs, id)),
    },
    networks: {
      ...context.networks,
      ensure: async (network) => {
        const subject = `the network of "${network.app}"`;
        await context.networks.ensure(network).catch(rethrow(subject, `make ${subject}`));
      },
    },
    close: async ({ purge }) => {
      // Once it has let go, nothing here hears of the end of anything: the next life is the one to ask.
      if (context.closing.signal.aborted) return;
      if (purge) await Promise.all([...live.keys()].map(async (id) => await stop(id, 0)));
      context.closing.abort();
      context.networks.close();
      context.logWriter.release();
      if (purge) await removeEverything(context);
      context.ends.close();
      context.exits.close();
      context.starter.close();
    },
  };
}

async function createContext({
  dataFolder,
  clock,
  log,
  addressesPerApp = instanceCapacity,
  runtime: wanted,
}: SandboxOptions): Promise<Context> {
  const runtime = requireHost(wanted);
  if (wanted === undefined && runtime.name !== 'crun')
    log.warn('crun is missing: runc starts containers in its place, and takes three times as long');
  closeInheritedOnExec();
  const places = placesFor(dataFolder);
  for (const folder of [
    places.live,
    places.brief,
    places.ended,
    places.net,
    stateFolder(places.memory, runtime.name),
    places.logs,
    places.writable,
    places.roots,
  ]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const starterFile = join(places.run, 'starter.pid');
  const earlier = readPidFile(starterFile);
  // It is killing what its daemon left; two who clean up the same would trip over each other.
  const cleanUpLimitMs = 6000;
  if (earlier !== undefined && !(await untilGone(earlier, cleanUpLimitMs)))
    signalProcess(earlier.pid, earlier.ticks, kill);
  const starter = createStarter({
    clock,
    log,
    pidFile: starterFile,
    runtime: runtime.name,
    onLost: () => log.warn('The starter ended; the next start begins another'),
  });
  starter.begin();
  const logWriter = createLogWriter(places, starter, log);
  await logWriter.ensure();
  const networks = createNetworks({ places, starter, clock, log, addressesPerApp });
  const closing = new AbortController();
  const [ends, exits] = [watchEnds(places.ended), createExits(places, log)];
  return { places, starter, networks, ends, exits, logWriter, clock, log, closing, runtime };
}

function toInstance(running: Running): Instance {
  const { record, address, stdin, stdout, stderr } = running;
  return {
    handle: { version: 1, engine: 'sandbox', id: record.summary.id },
    spec: record.summary,
    address,
    startedAt: record.startedAt,
    ...(stdin === undefined ? {} : { stdin }),
    ...(stdout === undefined ? {} : { stdout }),
    ...(stderr === undefined ? {} : { stderr }),
    exited: running.ended,
  };
}

async function endsWithin(exited: Promise<unknown>, ms: number, clock: Clock): Promise<void> {
  const over = new AbortController();
  await Promise.race([exited, clock.sleep(ms, over.signal).catch(() => undefined)]);
  over.abort();
}

async function removeEverything(context: Context): Promise<void> {
  const { places } = context;
  // The last step, when all that had a name was ended by name.
  if (killIn(places.cgroup) > 0) context.log.warn('Something still ran in our cgroups; it was killed');
  await context.networks.removeAll();
  await context.logWriter.stop();
  await removeGroupTree(places.cgroup);
  for (const folder of [places.run, places.memory, places.logs, places.writable, places.roots])
    rmSync(folder, { recursive: true, force: true });
}
