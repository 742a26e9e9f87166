import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { StatusAnswer } from '../../src/api/types.ts';
import { placesFor } from '../../src/engines/sandbox/places.ts';
import { knownContainers } from '../../src/engines/sandbox/runtime/containers.ts';

/** What a daemon has made on this host, read from the kernel and not from the daemon. */
export interface Made {
  /** Processes in its part of the cgroup tree. */
  readonly processes: readonly number[];
  /** Instances that the runtime knows. */
  readonly containers: readonly string[];
  /** What those processes, and this one, see mounted. */
  readonly mounts: readonly string[];
}

/** Comparable from one moment to the next. */
export function madeBy({ dataFolder }: Pick<StatusAnswer, 'dataFolder'>): Made {
  const places = placesFor(dataFolder);
  const processes = processesOf(places.cgroup.slice(1));
  const namespaces = new Map(processes.map((pid) => [namespaceOf(pid), pid]));
  const own = mountsOf('self').filter((mount) => mount.includes(dataFolder) || mount.includes(places.run));
  return {
    processes,
    containers: knownContainers(places.memory)
      .map(({ id }) => id)
      .toSorted(),
    // A network namespace is kept by a mount, and there is a pool of them: they are of no container.
    mounts: [...own, ...[...namespaces.values()].flatMap(mountsOf)]
      .filter((mount) => !mount.includes(places.net))
      .toSorted(),
  };
}

function processesOf(name: string): number[] {
  const pids = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => textOf(`/proc/${pid}/cgroup`).includes(`/${name}/`));
  return pids.map(Number).toSorted((one, other) => one - other);
}

function namespaceOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return '';
  }
}

/** Where, of what kind and from where; ids of mounts are left out, since they differ from one look to the next. */
const mountsOf = (pid: number | 'self'): string[] =>
  textOf(join('/proc', String(pid), 'mountinfo'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' ').slice(3).join(' '));

/** Empty when the process has ended meanwhile. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
