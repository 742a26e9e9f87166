import {
  chmodSync,
  copyFileSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import type { TarEntry } from '../tar/entry.ts';
import { partsOf } from './check-entry.ts';
import { own, type UnpackedLayer } from './layer.ts';
import { folderInRoot } from './path-in-root.ts';

/**
 * Applies a layer to the root that the layers below it made (OCI image specification, "Applying Changesets"): an entry
 * replaces what is there, but folders merge; `.wh.NAME` hides NAME of the layers below, `.wh..wh..opq` all of a folder.
 */
export function applyLayer(root: string, layer: UnpackedLayer, image: string): void {
  const made = new Set<string>();
  layer.entries.forEach((entry, index) => {
    const parts = partsOf(entry.name);
    const name = parts.at(-1);
    if (name === undefined) return applyRoot(root, entry);
    const folder = folderInRoot(root, parts.slice(0, -1), image);
    if (name.startsWith(whiteout)) return hide(folder, name, made, image);
    const path = join(folder, name);
    place(root, path, entry, layer.contentPath(index), image);
    remember(made, path, root);
  });
}

const whiteout = '.wh.';
const opaque = '.wh..wh..opq';

function applyRoot(root: string, entry: TarEntry): void {
  if (entry.type !== 'folder') return;
  own(root, entry);
  chmodSync(root, entry.mode);
}

function place(root: string, path: string, entry: TarEntry, content: string, image: string): void {
  const existing = lstatSync(path, { throwIfNoEntry: false });
  const merges = entry.type === 'folder' && existing?.isDirectory() === true;
  // A link to itself would vanish before it could be made.
  const source = entry.type === 'hardlink' ? linkSource(root, entry, image) : content;
  if (source === path) return;
  if (existing !== undefined && !merges) rmSync(path, { recursive: true, force: true });
  if (entry.type === 'symlink') symlinkSync(entry.linkName, path);
  else if (entry.type === 'folder') placeFolder(path, entry, merges);
  else linkOrCopy(source, path);
}

function placeFolder(path: string, entry: TarEntry, exists: boolean): void {
  if (!exists) mkdirSync(path);
  own(path, entry);
  chmodSync(path, entry.mode);
}

function linkSource(root: string, entry: TarEntry, image: string): string {
  const parts = partsOf(entry.linkName);
  const path = join(folderInRoot(root, parts.slice(0, -1), image), parts.at(-1) ?? '');
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || stats.isDirectory()) {
    throw new MinkeError('IMAGE_INVALID', {
      image,
      reason: `"${entry.name}" is a hard link to "${entry.linkName}", which is no file in it`,
    });
  }
  return path;
}

/** A file has at most 65,000 names on ext4; past that it becomes a file of its own. */
function linkOrCopy(source: string, path: string): void {
  try {
    linkSync(source, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMLINK') throw error;
    copyFileSync(source, path, constants.COPYFILE_FICLONE);
    const { mode, uid, gid } = lstatSync(source);
    own(path, { uid, gid });
    chmodSync(path, mode & 0o7777);
  }
}

/** What this layer itself made stays. */
function hide(folder: string, name: string, made: ReadonlySet<string>, image: string): void {
  if (name === opaque) {
    hideAll(folder, made);
  } else if (!name.startsWith('.wh..wh.')) {
    const hidden = name.slice(whiteout.length);
    if (hidden === '' || hidden === '.' || hidden === '..')
      throw new MinkeError('IMAGE_INVALID', { image, reason: `"${name}" hides no name` });
    const path = join(folder, hidden);
    if (!made.has(path)) rmSync(path, { recursive: true, force: true });
  }
}

function hideAll(folder: string, made: ReadonlySet<string>): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (!made.has(path)) rmSync(path, { recursive: true, force: true });
    else if (entry.isDirectory()) hideAll(path, made);
  }
}

/** With the folders above it: they hold something of this layer. */
function remember(made: Set<string>, path: string, root: string): void {
  for (let at = path; at !== root && !made.has(at) && basename(at) !== ''; at = dirname(at)) made.add(at);
}
