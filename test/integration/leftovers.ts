import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { placesFor } from '../../src/engines/sandbox/places.ts';

/** Everything on the host that carries the daemon's name, or lies in its folders. */
export function leftoversOf(dataFolder: string): string[] {
  const places = placesFor(dataFolder);
  const mark = `minke-${places.daemonId}`;
  const folders = [places.run, places.memory, places.logs, places.writable, places.roots].filter((folder) =>
    existsSync(folder),
  );
  return [
    ...folders.flatMap((folder) => [
      folder,
      ...readdirSync(folder, { recursive: true }).map((entry) => join(folder, String(entry))),
    ]),
    ...mountsNaming(mark),
    ...cgroupFolders().filter((folder) => folder.includes(mark)),
    ...processesNaming(mark),
  ];
}

export function cgroupFolders(): string[] {
  return readdirSync('/sys/fs/cgroup').flatMap((controller) => {
    const root = join('/sys/fs/cgroup', controller);
    try {
      return readdirSync(root, { recursive: true, withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? [join(entry.parentPath, entry.name)] : [],
      );
    } catch {
      return [];
    }
  });
}

export const mountsNaming = (mark: string): string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(mark));

/** Other processes with it in their command lines. */
export const processesNaming = (mark: string): string[] =>
  processLines().filter((line) => line.includes(mark) && !line.startsWith(`${process.pid} `));

function processLines(): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`];
      } catch {
        return [];
      }
    });
}
