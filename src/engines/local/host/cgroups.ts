import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { InstanceLimits } from '../../../model/instance.ts';
import { cgroupLayout, cgroupRoot } from '../../../linux/cgroup.ts';
import { openEventCounter } from '../../../linux/pipe.ts';

/**
 * A cgroup of ours around the container's own. The limits lie on it, because the runtime removes the container's as soon as
 * it ends and with it every trace of why: here the kernel's counters outlive the container and say whether it was ended for
 * its memory or met its limit of processes.
 */
export interface LimitGroup {
  /** As the runtime takes it: below the controllers' roots. The container's group goes inside. */
  readonly path: string;
  /** Cheap when the limits are those that are set already. */
  limit(limits: InstanceLimits): Promise<void>;
  /** What happened since the last time it was asked. */
  verdict(): 'out-of-memory' | 'pids-limit' | undefined;
  /** How many processes it was refused since `verdict` was last asked, as long as it is at its limit; else 0. */
  refusals(): number;
  /** Removes it; what ran in it must be dead, or about to be. */
  remove(): Promise<void>;
}

const unlimited = { v1: '-1', v2: 'max' } as const;
/** Period of cpu.cfs_quota_us and cpu.max, in microseconds: the kernel's default. */
const cpuPeriodUs = 100_000;
/** Of a group that asks for nothing: cpu.shares of v1, cpu.weight of v2. */
const normalShares = 1024;
const normalWeight = 100;

/** v1's shares, 2 to 262144, as v2's weight, 1 to 10000, the way OCI runtimes convert them. */
const weightOf = (shares: number): number => 1 + Math.floor(((shares - 2) * 9999) / 262_142);

export async function createLimitGroup(path: string): Promise<LimitGroup> {
  return cgroupLayout() === 'v2' ? await createV2(path) : await createV1(path);
}

/** Removes a daemon's groups with all that is in them; every process there must be dead. */
export async function removeGroupTree(path: string): Promise<void> {
  await Promise.all(hierarchies().map(async (root) => await removeTree(join(root, path))));
}

/** Kills every process below a group; answers how many there were. */
export function killIn(path: string): number {
  const folder = join(pidsRoot(), path);
  const pids = pidsBelow(folder);
  const all = join(folder, 'cgroup.kill');
  // v2, Linux 5.14: all at once, so that none can start another meanwhile.
  if (existsSync(all)) writeFileSync(all, '1');
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It was on its way out.
    }
  }
  return pids.length;
}

/**
 * The group for containers of another program in one of ours, which names theirs as it likes: not what a group is found by.
 * `isOthers`: of one in such a group.
 */
export const groupForOthers = (path: string): string => join(path, 'others');
export const isOthers = (path: string): boolean => basename(dirname(path)) === basename(groupForOthers('/'));

/** Pids of the processes in a group and below it. */
export const processesIn = (path: string): number[] => pidsBelow(join(pidsRoot(), path));

/** Ends whatever runs in a group that nobody answers for, and removes it. */
export async function endGroup(path: string): Promise<void> {
  killIn(path);
  await removeGroupTree(path);
}

/** Paths of the groups below a group, the deepest first. */
export function groupsIn(path: string): string[] {
  return childrenOf(join(pidsRoot(), path)).flatMap((child) => {
    const below = join(path, basename(child));
    return [...groupsIn(below), below];
  });
}

/** Its processes get no time, and none that they start does, until they are let go on. */
export const freezeGroup = (path: string): void => writeFileSync(...freezer(path, true));
/** Killing what is frozen is in vain on v1 until then. */
export const thawGroup = (path: string): void => writeFileSync(...freezer(path, false));

export function isFrozen(path: string): boolean {
  const [file] = freezer(path, true);
  return ['1', 'FROZEN', 'FREEZING'].includes(readIfThere(file).trim());
}

function freezer(path: string, isFrozen: boolean): [file: string, text: string] {
  if (cgroupLayout() === 'v2') return [join(cgroupRoot, path, 'cgroup.freeze'), isFrozen ? '1' : '0'];
  return [join(cgroupRoot, 'freezer', path, 'freezer.state'), isFrozen ? 'FROZEN' : 'THAWED'];
}

/** Every group of ours has processes counted, so one controller's tree shows them all. */
const pidsRoot = (): string => (cgroupLayout() === 'v2' ? cgroupRoot : join(cgroupRoot, 'pids'));

async function createV1(path: string): Promise<LimitGroup> {
  const folder = (controller: string): string => join(cgroupRoot, controller, path);
  await Promise.all(['memory', 'pids', 'cpu'].map(async (name) => await mkdir(folder(name), { recursive: true })));
  const memory = await watchOrRemove(path, folder('memory'));
  let set = '';
  let pidsLimit = 0;
  return {
    path,
    limit: async (limits) => {
      if (set === JSON.stringify(limits)) return;
      await writeMemoryV1(folder('memory'), limits.memoryBytes);
      await writeFile(join(folder('pids'), 'pids.max'), limits.pids === 0 ? 'max' : String(limits.pids));
      await writeFile(
        join(folder('cpu'), 'cpu.cfs_quota_us'),
        limits.cpus === 0 ? '-1' : String(Math.round(limits.cpus * cpuPeriodUs)),
      );
      await writeFile(join(folder('cpu'), 'cpu.shares'), String(limits.cpuShares ?? normalShares));
      await writeFile(
        join(folder('memory'), 'memory.soft_limit_in_bytes'),
        String(limits.memoryReservationBytes ?? unlimited.v1),
      );
      set = JSON.stringify(limits);
      pidsLimit = limits.pids;
    },
    verdict: () => {
      if (memory.wasExceeded()) return 'out-of-memory';
      return pidsLimit > 0 && peakPids(folder('pids')) >= pidsLimit ? 'pids-limit' : undefined;
    },
    refusals: () => (pidsLimit > 0 && currentPids(folder('pids')) >= pidsLimit ? refusalsBelow(folder('pids')) : 0),
    remove: async () => {
      memory.close();
      await removeGroupTree(path);
    },
  };
}

/** memsw (where the kernel counts swap) may never be below memory, so the order depends on the direction. */
async function writeMemoryV1(folder: string, bytes: number): Promise<void> {
  const value = bytes === 0 ? unlimited.v1 : String(bytes);
  const plain = join(folder, 'memory.limit_in_bytes');
  const withSwap = join(folder, 'memory.memsw.limit_in_bytes');
  if (!existsSync(withSwap)) return await writeFile(plain, value);
  await writeFile(withSwap, unlimited.v1);
  await writeFile(plain, value);
  await writeFile(withSwap, value);
}

async function watchOrRemove(path: string, folder: string): Promise<ReturnType<typeof watchMemory>> {
  try {
    return watchMemory(folder);
  } catch (error) {
    await removeGroupTree(path);
    throw error;
  }
}

/** The kernel counts into an eventfd each time the group is out of memory (cgroup v1, memory.txt, "OOM Control"). */
function watchMemory(folder: string): { wasExceeded(): boolean; close(): void } {
  const opened: number[] = [];
  const keep = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  const close = (): void => opened.forEach((fd) => closeSync(fd));
  try {
    const counter = keep(openEventCounter());
    const control = keep(openSync(join(folder, 'memory.oom_control'), 'r'));
    writeFileSync(join(folder, 'cgroup.event_control'), `${counter} ${control}`, { flag: 'r+' });
    return { wasExceeded: () => readCounter(counter) > 0, close };
  } catch (error) {
    close();
    throw error;
  }
}

function readCounter(fd: number): number {
  const value = Buffer.alloc(8);
  try {
    readSync(fd, value);
    return Number(value.readBigUInt64LE());
  } catch {
    return 0; // EAGAIN: it has not counted
  }
}

/** Where the container's own group counts its processes, the kernel tells it of refusals, and not the group whose limit it was. */
function refusalsBelow(folder: string): number {
  return childrenOf(folder).reduce(
    (sum, child) => sum + eventCount(child, 'pids.events', 'max') + refusalsBelow(child),
    0,
  );
}

function currentPids(folder: string): number {
  return Number(readIfThere(join(folder, 'pids.current')));
}

function peakPids(folder: string): number {
  const peak = join(folder, 'pids.peak');
  return existsSync(peak) ? Number(readFileSync(peak, 'utf8')) : 0;
}

async function createV2(path: string): Promise<LimitGroup> {
  const folder = join(cgroupRoot, path);
  await mkdir(folder, { recursive: true });
  await delegate(path);
  let set = '';
  let pidsLimit = 0;
  let seen = { kills: 0, refusals: 0 };
  return {
    path,
    limit: async (limits) => {
      if (set === JSON.stringify(limits)) return;
      await writeFile(join(folder, 'memory.max'), limits.memoryBytes === 0 ? unlimited.v2 : String(limits.memoryBytes));
      if (existsSync(join(folder, 'memory.swap.max')))
        await writeFile(join(folder, 'memory.swap.max'), limits.memoryBytes === 0 ? unlimited.v2 : '0');
      await writeFile(join(folder, 'pids.max'), limits.pids === 0 ? unlimited.v2 : String(limits.pids));
      await writeFile(
        join(folder, 'cpu.max'),
        `${limits.cpus === 0 ? 'max' : Math.round(limits.cpus * cpuPeriodUs)} ${cpuPeriodUs}`,
      );
      await writeFile(
        join(folder, 'cpu.weight'),
        String(limits.cpuShares === undefined ? normalWeight : weightOf(limits.cpuShares)),
      );
      await writeFile(join(folder, 'memory.low'), String(limits.memoryReservationBytes ?? 0));
      set = JSON.stringify(limits);
      pidsLimit = limits.pids;
    },
    verdict: () => {
      const now = {
        kills: eventCount(folder, 'memory.events', 'oom_kill'),
        refusals: eventCount(folder, 'pids.events', 'max'),
      };
      const before = seen;
      seen = now;
      if (now.kills > before.kills) return 'out-of-memory';
      // With its processes counted in a group of its own, the container took the count of refusals with it.
      const wasFull = pidsLimit > 0 && handsDownPids(folder) && peakPids(folder) >= pidsLimit;
      return wasFull || now.refusals > before.refusals ? 'pids-limit' : undefined;
    },
    refusals: () =>
      pidsLimit > 0 && currentPids(folder) >= pidsLimit
        ? eventCount(folder, 'pids.events', 'max') - seen.refusals + refusalsBelow(folder)
        : 0,
    remove: async () => await removeGroupTree(path),
  };
}

/**
 * Every group above hands the controllers down (cgroup.subtree_control). Ours keeps `pids`: before Linux 6.11 refusals are
 * told to the group that counts the process, and that must be the one which outlives the container.
 */
async function delegate(path: string): Promise<void> {
  const parts = path.split('/').filter((part) => part !== '');
  for (let depth = 0; depth <= parts.length; depth++) {
    const folder = join(cgroupRoot, ...parts.slice(0, depth));
    const available = (await readFile(join(folder, 'cgroup.controllers'), 'utf8')).split(/\s+/);
    const kept = depth === parts.length ? ['pids'] : [];
    const wanted = ['cpu', 'memory', 'pids'].filter((name) => available.includes(name) && !kept.includes(name));
    await writeFile(join(folder, 'cgroup.subtree_control'), wanted.map((name) => `+${name}`).join(' '));
  }
}

/** A runtime that was not kept from it has every controller handed down to the container's group. */
const handsDownPids = (folder: string): boolean =>
  readIfThere(join(folder, 'cgroup.subtree_control')).split(/\s/).includes('pids');

function eventCount(folder: string, file: string, key: string): number {
  const line = readIfThere(join(folder, file))
    .split('\n')
    .find((one) => one.startsWith(`${key} `));
  return Number(line?.split(' ')[1] ?? 0);
}

/** A container's group may go at any moment. */
function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** All that a runtime which was not kept from it may have made groups in: on v1 every folder there is one (cgroups(7)). */
function hierarchies(): string[] {
  return cgroupLayout() === 'v2' ? [cgroupRoot] : childrenOf(cgroupRoot);
}

async function removeTree(folder: string): Promise<void> {
  for (const child of childrenOf(folder)) await removeTree(child);
  await removeGroup(folder);
}

/** A process that was killed counts for a moment more (EBUSY); a group that another removed is as good as ours. */
async function removeGroup(folder: string): Promise<void> {
  const [tries, pauseMs] = [400, 5];
  for (let left = tries; ; left--) {
    try {
      rmdirSync(folder);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || left === 0) throw error;
      await delay(pauseMs);
    }
  }
}

function childrenOf(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name));
  } catch {
    return [];
  }
}

function pidsBelow(folder: string): number[] {
  const own = readIfThere(join(folder, 'cgroup.procs'))
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
  return [...own, ...childrenOf(folder).flatMap(pidsBelow)];
}
