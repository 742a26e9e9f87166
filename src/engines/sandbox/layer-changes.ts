import { constants, lstatSync, type Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { RootChange } from '../engine.ts';

/** Made by the runtime where it mounts what every container has: nobody wrote them. */
const mountPoints = ['/dev', '/proc', '/sys', '/etc/hosts', '/etc/hostname', '/etc/resolv.conf'];

/**
 * What the upper folder of an overlay says over the lower one (overlayfs in the kernel's documentation): a character device 0/0 in
 * place of what was deleted, and whatever is otherwise there as it is now.
 */
export async function changesIn(upper: string, lower: string, folder: string): Promise<readonly RootChange[]> {
  const names = await readdir(join(upper, folder)).catch((): string[] => []);
  const changes: RootChange[] = [];
  for (const name of names.toSorted()) {
    const path = posix.join(folder, name);
    const stats = await lstat(join(upper, path)).catch(() => undefined);
    if (stats !== undefined) changes.push(...(await changesAt(upper, lower, path, stats)));
  }
  return changes;
}

async function changesAt(upper: string, lower: string, path: string, stats: Stats): Promise<readonly RootChange[]> {
  const before = lstatSync(join(lower, path), { throwIfNoEntry: false });
  if (isWhiteout(stats)) return [{ path, kind: 'deleted' }];
  if (mountPoints.includes(path) && before === undefined) return [];
  const inside = stats.isDirectory() ? await changesIn(upper, lower, path) : [];
  if (before === undefined) return [{ path, kind: 'added' }, ...inside];
  // A folder is copied up for a mount in it, too.
  const isOnlyForMount = stats.isDirectory() && inside.length === 0 && mountPoints.some((one) => one.startsWith(path));
  return isOnlyForMount ? [] : [{ path, kind: 'modified' }, ...inside];
}

const isWhiteout = (stats: Stats): boolean => (stats.mode & constants.S_IFMT) === constants.S_IFCHR && stats.rdev === 0;
