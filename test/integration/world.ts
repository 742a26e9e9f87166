import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { placesFor } from '../../src/engines/sandbox/places.ts';
import { cgroupFolders } from './leftovers.ts';
import { host } from './isolation-fixtures.ts';
import { descriptorCount, viewOf } from './restart-host.ts';
import { processesOf, rolesOf } from './voting-host.ts';

/**
 * All that a daemon has on this host, line by line, read from the kernel and the disk and not from the daemon. Comparable
 * from one moment to the next; output that is kept and the database, which grow by design, are left out.
 */
export type World = Readonly<Record<string, readonly string[]>>;

function worldOf(daemon: { readonly dataFolder: string; readonly pid: number }): World {
  const { dataFolder } = daemon;
  const places = placesFor(dataFolder);
  const mark = basename(places.run);
  const isOwn = (line: string): boolean => line.includes(mark) || line.includes(dataFolder);
  const view = viewOf(dataFolder);
  const helpers = { starter: view.helper('starter')?.pid ?? 0, 'log writer': view.helper('log-writer')?.pid ?? 0 };
  return {
    processes: rolesOf(processesOf(dataFolder)),
    mounts: mountsOf('self').filter(isOwn),
    'mounts in the starter': mountsOf(helpers.starter).filter(isOwn),
    // A slot's group comes in a controller with its first container there.
    cgroups: [...new Set(cgroupFolders().flatMap((folder) => folder.split(`/${mark}`).slice(1)))],
    ...networksOf(places.net),
    files: [...filesIn(places.run), ...filesIn(places.memory), ...filesIn(dataFolder).filter(isLasting)],
    descriptors: Object.entries({ daemon: daemon.pid, ...helpers }).map(
      ([name, pid]) => `${name}: ${descriptorCount(pid)}`,
    ),
  };
}

/** The world once nothing in it changes any more: kept connections have been closed. */
export async function worldAtRest(daemon: Parameters<typeof worldOf>[0]): Promise<World> {
  const [looks, betweenMs] = [12, 5000];
  let last = worldOf(daemon);
  for (let look = 0; look < looks; look += 1) {
    await delay(betweenMs);
    const now = worldOf(daemon);
    if (differences(last, now).length === 0) return now;
    last = now;
  }
  throw new Error('the daemon does not come to rest');
}

/**
 * Resolves with nothing when the world is again as it was: what ends takes a moment, and connections are kept for a while.
 * Otherwise with what has come (+) and gone (-).
 */
export async function changesSince(
  before: World,
  daemon: Parameters<typeof worldOf>[0],
  patienceMs = 45_000,
): Promise<readonly string[]> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const changes = differences(before, worldOf(daemon));
    if (changes.length === 0 || performance.now() > deadline) return changes;
    await delay(100);
  }
}

function differences(before: World, after: World): readonly string[] {
  return Object.keys(before).flatMap((kind) => {
    const [old, now] = [counted(before[kind] ?? []), counted(after[kind] ?? [])];
    return [...new Set([...old.keys(), ...now.keys()])].flatMap((line) => {
      const change = (now.get(line) ?? 0) - (old.get(line) ?? 0);
      return change === 0 ? [] : [`${kind} ${change > 0 ? '+' : ''}${change}: ${line}`];
    });
  });
}

function counted(lines: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

/** Without the numbers of mounts, which differ from one look to the next. */
const mountsOf = (pid: number | 'self'): string[] =>
  readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
    .split('\n')
    .map((line) => line.split(' ').slice(3).join(' '));

/** Links, addresses and rules of each app's network, from inside its namespace. */
function networksOf(folder: string): Record<'links' | 'addresses' | 'rules', string[]> {
  const ask = (...command: string[]): string[] =>
    readdirSync(folder).flatMap((app) =>
      host('nsenter', `--net=${join(folder, app, 'ns')}`, ...command)
        .split('\n')
        // Lifetimes of addresses and counters go on.
        .map((line) => `${app}: ${line.replaceAll(/\b(?:packets|bytes) \d+|valid_lft .*/g, '')}`),
    );
  return {
    links: ask('ip', '-o', 'link').map((line) => line.replaceAll(/@\S+|link-netns\S* \S+/g, '')),
    addresses: ask('ip', '-o', 'address'),
    // A free place keeps the networks of whoever had it last, as far as this life of the daemon knows.
    rules: ask('nft', 'list', 'ruleset').map((line) => line.replaceAll(/\b([sd]addr) \{ [^}]*\}/g, '$1 { places }')),
  };
}

const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .map((entry) => join(entry.parentPath, entry.name))
        .toSorted()
    : [];

/** What is kept of output, and the database with its journal. */
const isLasting = (path: string): boolean => !/\/logs\/|\.db(?:-wal|-shm)?$|\/results?\//.test(relative('/', path));
