import { existsSync, readdirSync, readFileSync, readlinkSync, watch, type FSWatcher } from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { placesFor } from '../../src/engines/sandbox/places.ts';
import { startTicks } from '../../src/linux/proc.ts';

/** A process as the kernel shows it to the host. Pid and start time (clock ticks since boot) name it for good. */
export interface HostProcess {
  readonly pid: number;
  readonly ticks: number;
  readonly command: string;
  /** Id of the container that its cgroup belongs to. */
  readonly container?: string;
}

/**
 * Every process that is there because of a daemon, without asking the daemon: those that name its folders in their command
 * line, environment or cgroup, and all that descend from them.
 */
export function processesOf(dataFolder: string): readonly HostProcess[] {
  const mark = basename(placesFor(dataFolder).run);
  const all = hostProcesses(mark);
  const found = new Set(all.filter(({ names }) => names.includes(mark) || names.includes(dataFolder)));
  for (let size = -1; size !== found.size;) {
    size = found.size;
    const pids = new Set([...found].map(({ pid }) => pid));
    for (const one of all) if (pids.has(one.parent)) found.add(one);
  }
  return [...found].filter(({ pid }) => pid !== process.pid).map(({ shown }) => shown);
}

/** What each is there for, in words that an exact list can be written with. */
export function rolesOf(processes: readonly HostProcess[]): readonly string[] {
  return processes.map(roleOf).toSorted();
}

function roleOf({ command, container }: HostProcess): string {
  if (container !== undefined) return `container: ${command}`;
  if (/cli\/main\.ts serve/.test(command)) return 'daemon';
  if (command.includes('starter/main.ts')) return 'starter';
  if (command.includes('logs/writer.ts')) return 'log writer';
  const app = /slirp4netns .*\/net\/([^/]+)\/ns /.exec(command)?.[1];
  if (app !== undefined) return `way out of ${app}`;
  const instance = /\/live\/([0-9a-f]{64})/.exec(command)?.[1];
  if (instance !== undefined && command.startsWith('/bin/sh ')) return `shell of ${instance}`;
  if (instance !== undefined && command.includes('crun ')) return `runtime of ${instance}`;
  return command;
}

export const isAlive = ({ pid, ticks }: HostProcess): boolean => startTicks(pid) === ticks;

/** Resident size (VmRSS, proc(5)) in MB, 1 MB = 1024 kB. */
export function residentMb(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kb) / 102.4) / 10;
}

/** Whether it has a handler for the signal (SigCgt, proc(5)); false when it has ended. */
export function catches(pid: number, signal: number): boolean {
  const mask = /^SigCgt:\s+(\w+)/m.exec(readOr(`/proc/${pid}/status`, ''))?.[1] ?? '0';
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

export const namespaceKinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'uts'] as const;
export type Namespaces = Readonly<Record<(typeof namespaceKinds)[number], string>>;

/** As namespaces(7) shows them: `net:[4026531840]`. */
export function namespacesOf(pid: number | 'self'): Namespaces {
  const links = namespaceKinds.map((kind) => [kind, readlinkSync(`/proc/${pid}/ns/${kind}`)] as const);
  return Object.fromEntries(links) as Namespaces;
}

/** Ids of the containers that have a cgroup, in any controller. */
export function containerGroups(dataFolder: string): readonly string[] {
  const { cgroup } = placesFor(dataFolder);
  const ids = groupRoots().flatMap((root) => namesBelow(join(root, cgroup)).filter(isContainer));
  return [...new Set(ids)];
}

/** A container as the host saw it come and go. */
export interface Sighting {
  readonly id: string;
  /** Below the root of the hierarchy, as /proc/PID/cgroup has it too. */
  readonly cgroup: string;
  /** Its first process; undefined when it was gone before it could be read. */
  readonly process: Promise<HostProcess | undefined>;
  isGone: boolean;
}

export interface ContainerWatch {
  /** In the order of their coming. */
  readonly seen: readonly Sighting[];
  close(): void;
}

/** The kernel tells (inotify(7)) of each cgroup of a container that is made or removed below an app's; none is missed. */
export function watchContainers(dataFolder: string, app: string): ContainerWatch {
  const places = placesFor(dataFolder);
  const appGroup = join(places.cgroup, app);
  const [root = ''] = groupRoots();
  const watched = new Map<string, FSWatcher>();
  const seen: Sighting[] = [];
  const present = new Set(containerGroups(dataFolder));

  const noticed = (group: string, id: string): void => {
    const known = seen.find((one) => one.id === id);
    if (known !== undefined) known.isGone = !existsSync(join(root, known.cgroup));
    else if (!present.has(id)) {
      const cgroup = join(group, id);
      seen.push({ id, cgroup, process: firstProcess(root, cgroup, basename(places.run)), isGone: false });
    }
  };
  const watchSlot = (slot: string): void => {
    const group = join(appGroup, slot);
    if (watched.has(group) || !existsSync(join(root, group))) return;
    const watcher = watch(join(root, group), (_, name) => {
      if (isContainer(name ?? '')) noticed(group, name ?? '');
    });
    watched.set(group, watcher);
    for (const id of foldersIn(join(root, group)).filter(isContainer)) noticed(group, id);
  };
  watched.set(
    appGroup,
    watch(join(root, appGroup), (_, name) => watchSlot(name ?? '')),
  );
  for (const slot of foldersIn(join(root, appGroup))) watchSlot(slot);
  return {
    seen,
    close: () => {
      for (const watcher of watched.values()) watcher.close();
    },
  };
}

/** The runtime makes the cgroup and then puts the process in. */
async function firstProcess(root: string, cgroup: string, mark: string): Promise<HostProcess | undefined> {
  for (;;) {
    const [pid] = readOr(join(root, cgroup, 'cgroup.procs'), 'gone').split('\n');
    if (pid === 'gone') return undefined;
    const found = pid === undefined || pid === '' ? undefined : readProcess(Number(pid), mark);
    if (found !== undefined) return found.shown;
    await setImmediate();
  }
}

interface Found {
  readonly shown: HostProcess;
  readonly pid: number;
  readonly parent: number;
  /** Where its daemon may be named. */
  readonly names: string;
}

function hostProcesses(mark: string): readonly Found[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => readProcess(Number(pid), mark) ?? []);
}

/** Undefined when it has ended. */
function readProcess(pid: number, mark: string): Found | undefined {
  const ticks = startTicks(pid);
  const [stat, command, environment, cgroups] = ['stat', 'cmdline', 'environ', 'cgroup'].map((name) =>
    readOr(`/proc/${pid}/${name}`, ''),
  ) as [string, string, string, string];
  if (ticks === undefined || cgroups === '') return undefined;
  const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  const container = cgroups
    .split('\n')
    .filter((line) => line.includes(`/${mark}/`))
    .map((line) => basename(line))
    .find(isContainer);
  return {
    shown: {
      pid,
      ticks,
      command: command.replaceAll('\0', ' ').trim(),
      ...(container === undefined ? {} : { container }),
    },
    pid,
    parent,
    names: `${command}\n${environment}\n${cgroups}`,
  };
}

/** Of each controller (version 1), the one of processes first; or of the one tree (version 2). */
function groupRoots(): readonly string[] {
  const root = '/sys/fs/cgroup';
  const controllers = ['pids', 'memory', 'cpu', 'devices', 'freezer'].map((name) => join(root, name));
  return existsSync(join(root, 'pids')) ? controllers.filter((folder) => existsSync(folder)) : [root];
}

function namesBelow(folder: string): readonly string[] {
  return foldersIn(folder).flatMap((name) => [name, ...namesBelow(join(folder, name))]);
}

function foldersIn(folder: string): readonly string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}

const isContainer = (name: string): boolean => /^[0-9a-f]{64}$/.test(name);

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return otherwise;
  }
}
