import { readFileSync } from 'node:fs';

/** The cgroup of a container, by its first process (cgroups(7)): below the root, or below the controller that counts processes. */
export function groupOf(pid: number): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  const found =
    lines.find((line) => line.split(':')[1]?.split(',').includes('pids')) ??
    lines.find((line) => line.startsWith('0::'));
  return found?.split(':').slice(2).join(':') ?? '';
}
