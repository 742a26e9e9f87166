import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { StatusAnswer } from '../../src/api/types.ts';
import { placesFor } from '../../src/engines/sandbox/places.ts';

/** What is on this machine because of one daemon: read from the kernel, without asking the daemon. */
export interface Host {
  /** Ids of containers with a living process, by the cgroups of all processes. */
  containers(): readonly string[];
  /** Everything that carries the daemon's name or lies in its folders, one line each. */
  leftovers(): readonly string[];
}

export function hostOf(status: StatusAnswer): Host {
  const { run, memory } = placesFor(status.dataFolder);
  const runFolder = status.runFolder ?? run;
  const mark = basename(runFolder);
  const isOurs = (text: string): boolean => text.includes(mark) || text.includes(status.dataFolder);
  return {
    containers: () => [...new Set(processes().flatMap(({ cgroups }) => containerIn(cgroups, mark)))],
    leftovers: () => [
      ...processes()
        .filter(({ pid, command, cgroups }) => pid !== process.pid && (isOurs(command) || cgroups.includes(mark)))
        .map(({ pid, command }) => `process ${pid}: ${command}`),
      ...readLines('/proc/self/mounts')
        .filter(isOurs)
        .map((line) => `mount ${line}`),
      ...cgroupsNamed(mark).map((folder) => `cgroup ${folder}`),
      ...[...new Set([runFolder, memory, status.dataFolder])]
        .filter((folder) => existsSync(folder))
        .map((folder) => `folder ${folder}`),
    ],
  };
}

interface HostProcess {
  readonly pid: number;
  readonly command: string;
  readonly cgroups: string;
}

function processes(): readonly HostProcess[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return [{ pid: Number(pid), command, cgroups: readFileSync(`/proc/${pid}/cgroup`, 'utf8') }];
      } catch {
        return []; // it has ended
      }
    });
}

function containerIn(cgroups: string, mark: string): readonly string[] {
  const id = cgroups
    .split('\n')
    .filter((line) => line.includes(mark))
    .map((line) => /[0-9a-f]{64}/.exec(line)?.[0])
    .find((found) => found !== undefined);
  return id === undefined ? [] : [id];
}

/** One below the root of each controller (version 1), or below the root of the one tree (version 2). */
function cgroupsNamed(mark: string): readonly string[] {
  const root = '/sys/fs/cgroup';
  const roots = [root, ...readdirSync(root).map((entry) => join(root, entry))];
  return roots.map((folder) => join(folder, mark)).filter((folder) => existsSync(folder));
}

const readLines = (file: string): readonly string[] => readFileSync(file, 'utf8').split('\n');
