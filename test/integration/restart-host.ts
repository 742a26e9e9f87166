import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { removeGroupTree } from '../../src/engines/local/host/cgroups.ts';
import { readLog } from '../../src/engines/sandbox/logs/reader.ts';
import { placesFor } from '../../src/engines/sandbox/places.ts';
import { firstProcess, knownContainers, type KnownContainer } from '../../src/engines/sandbox/runtime/containers.ts';
import { readPidFile, signalProcess, startTicks, untilGone, type ProcessName } from '../../src/linux/proc.ts';
import { isId } from '../../src/model/ids.ts';

/** What the host shows of a daemon's world, without asking the daemon, which may be dead. */
export interface HostView {
  /** Ids of the instances that have a folder, a container or a cgroup. */
  living(): { readonly lasting: string[]; readonly brief: string[]; readonly containers: string[] };
  /** The first process of an instance's container. */
  firstProcess(id: string): ProcessName | undefined;
  helper(name: 'starter' | 'log-writer'): ProcessName | undefined;
  /** What an instance has written so far, as it was recorded. */
  output(id: string): Promise<string>;
  /** Waits until what it has written satisfies the question; rejects with what it has written when it ended otherwise. */
  untilWritten(id: string, isEnough: (text: string) => boolean): Promise<string>;
  /** Ids of the instances whose output is kept. */
  recorded(): string[];
}

export function viewOf(dataFolder: string): HostView {
  const places = placesFor(dataFolder);
  const ids = (folder: string): string[] => readdirSync(folder).filter(isId).toSorted();
  const read = async (id: string, follow: boolean, isEnough: (text: string) => boolean): Promise<string> => {
    const over = new AbortController();
    const limit = AbortSignal.timeout(30_000);
    let text = '';
    const signal = AbortSignal.any([over.signal, limit]);
    for await (const { bytes } of readLog(join(places.logs, id), { follow, signal })) {
      text += bytes.toString();
      if (isEnough(text)) return text;
    }
    if (follow)
      throw new Error(`${limit.aborted ? 'Waited in vain' : 'It ended'}; it had written: ${text.slice(-500)}`);
    return text;
  };
  const containers = (): KnownContainer[] => knownContainers(places.memory);
  return {
    living: () => ({
      lasting: ids(places.live),
      brief: ids(places.brief),
      containers: containers()
        .map(({ id }) => id)
        .toSorted(),
    }),
    firstProcess: (id) => {
      const found = containers().find((one) => one.id === id);
      return found && firstProcess(places.memory, found);
    },
    helper: (name) => readPidFile(join(places.run, `${name}.pid`)),
    output: async (id) => await read(id, false, () => false),
    untilWritten: async (id, isEnough) => await read(id, true, isEnough),
    recorded: () => ids(places.logs),
  };
}

/** How many descriptors a process has open. */
export const descriptorCount = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** Processes whose command line, environment or working folder has the word in it, except this one. */
export function processesNaming(word: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => pid !== process.pid)
    .filter((pid) =>
      [
        () => readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
        () => readFileSync(`/proc/${pid}/environ`, 'utf8'),
        () => readlinkSync(`/proc/${pid}/cwd`),
      ].some((read) => contains(read, word)),
    );
}

function contains(read: () => string, word: string): boolean {
  try {
    return read().includes(word);
  } catch {
    return false;
  }
}

/** The lines `first` to `last`, as a program that counts writes them. */
export const numbers = (first: number, last: number): string =>
  Array.from({ length: last - first + 1 }, (_, index) => `${first + index}\n`).join('');

/** Whole lines that are numbers. */
export const numbersIn = (text: string): number[] =>
  text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => /^\d+$/.test(line))
    .map(Number);

/** The last whole line, which is a number; 0 before the first. Looks at nothing else: what counts on for minutes writes megabytes. */
export const lastNumberIn = (text: string): number => Number(/(?:^|\n)(\d+)\n[^\n]*$/.exec(text.slice(-100))?.[1] ?? 0);

/** What a daemon's folders and processes carry in their names. */
export const runtimeNameOf = (dataFolder: string): string => `minke-${placesFor(dataFolder).daemonId}`;

/** Does to a dead daemon's world what a reboot does. Where /run is no tmpfs, the files in it are still there afterwards. */
export async function simulateReboot(
  dataFolder: string,
  { keepsRunFolder }: { keepsRunFolder: boolean },
): Promise<void> {
  const places = placesFor(dataFolder);
  const name = runtimeNameOf(dataFolder);
  const kill = 9;
  const containers = viewOf(dataFolder)
    .living()
    .containers.flatMap((id) => viewOf(dataFolder).firstProcess(id) ?? []);
  const others = processesNaming(name).flatMap((pid) => ({ pid, ticks: startTicks(pid) ?? 0 }));
  for (const one of [...others, ...containers]) signalProcess(one.pid, one.ticks, kill);
  for (const one of [...others, ...containers]) await untilGone(one, 5000);
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[1] ?? []);
  for (const mount of mounts) if (mount.includes(name)) spawnSync('umount', ['--lazy', mount]);
  await removeGroupTree(places.cgroup);
  if (places.memory !== places.run) rmSync(places.memory, { recursive: true });
  if (!keepsRunFolder) rmSync(places.run, { recursive: true });
}
