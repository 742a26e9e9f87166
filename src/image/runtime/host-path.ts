import { lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Tree } from '../layout/tree.ts';

/**
 * Puts a path of the host into the tree as the host has it: with every symlink on the way (`/lib -> usr/lib`,
 * `libz.so.1 -> libz.so.1.2.13`), so that equal paths of several layers meet. Folders come with all they hold.
 * Returns the path with all links resolved. Throws ENOENT as the file system does.
 */
export function addHostPath(tree: Tree, path: string, depth = 0): string {
  if (depth > maxLinks) throw new Error(`${path} is a loop of symlinks`);
  const link = firstLink(path);
  if (link === undefined) {
    addReal(tree, path);
    return path;
  }
  const target = readlinkSync(link);
  tree.set(link.slice(1), { type: 'symlink', target });
  return addHostPath(tree, join(resolve(dirname(link), target), path.slice(link.length)), depth + 1);
}

/** A program's mode in an image: fixed, so that umask and owner of the host do not show. */
export const programMode = 0o755;
export const fileMode = 0o644;

/** As the kernel's own limit (path_resolution(7)). */
const maxLinks = 40;

function firstLink(path: string): string | undefined {
  const parts = path.split('/').filter((part) => part !== '');
  const prefixes = parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
  return prefixes.find((prefix) => lstatSync(prefix).isSymbolicLink());
}

function addReal(tree: Tree, path: string): void {
  const stats = statSync(path);
  if (path === '/') return;
  if (stats.isDirectory()) {
    tree.set(path.slice(1), { type: 'folder', mode: 0o755 });
    for (const name of readdirSync(path).toSorted()) addChild(tree, join(path, name));
  } else if (stats.isFile()) {
    tree.set(path.slice(1), {
      type: 'file',
      mode: (stats.mode & 0o111) === 0 ? fileMode : programMode,
      content: { path },
    });
  }
}

/** A link inside a folder that was asked for may lead nowhere; then it does so in the image, too. */
function addChild(tree: Tree, path: string): void {
  const stats = lstatSync(path);
  if (stats.isSymbolicLink()) tree.set(path.slice(1), { type: 'symlink', target: readlinkSync(path) });
  else addReal(tree, path);
}
