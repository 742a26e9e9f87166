import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  statfsSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { posix } from 'node:path';
import { createArchiveWriter, type ArchiveWriter } from '../../image/tar/archive-writer.ts';
import type { TarEntry, TarType } from '../../image/tar/entry.ts';
import type { ArchiveAction } from './task.ts';

/** Writes an archive of what is at `path` under its own name: of `/a/b` there is `b/c`, of `/a/.` there is `./c`. */
export function readTree({ path, output, isRootOnly }: ArchiveAction & { kind: 'read' }): void {
  const archive = createArchiveWriter((bytes) => writeAll(output, bytes));
  // With a slash behind it a link is followed.
  const stats = lstatSync(path);
  addTree({ archive, isRootOnly }, path, path === '/' ? '/' : posix.basename(path), stats, stats.dev);
  archive.end();
}

interface Reading {
  readonly archive: ArchiveWriter;
  /** Of a folder on another file system than the one that it lies in only the folder. */
  readonly isRootOnly: boolean;
}

function addTree(reading: Reading, path: string, name: string, stats: Stats, parentDevice: number): void {
  const { archive } = reading;
  if (stats.isFile()) addFile(archive, path, name);
  else if (stats.isSymbolicLink()) archive.add({ ...entryOf(name, 'symlink', stats), linkName: readlinkSync(path) });
  else if (stats.isFIFO()) archive.add(entryOf(name, 'fifo', stats));
  else if (stats.isDirectory()) addFolder(reading, path, name, stats, parentDevice);
  // Devices and sockets are of this machine alone.
}

function addFolder(reading: Reading, path: string, name: string, stats: Stats, parentDevice: number): void {
  const { archive, isRootOnly } = reading;
  const isMounted = stats.dev !== parentDevice;
  if (isMounted && !isRootOnly && isOfKernel(path)) return;
  if (name !== '/') archive.add(entryOf(name, 'folder', stats));
  if (isMounted && isRootOnly) return;
  for (const child of readdirSync(path)) {
    const childPath = posix.join(path, child);
    const childStats = lstatSync(childPath, { throwIfNoEntry: false });
    if (childStats !== undefined) addTree(reading, childPath, posix.join(name, child), childStats, stats.dev);
  }
}

/** It may be another file by now, or a pipe that nobody writes to. */
function addFile(archive: ArchiveWriter, path: string, name: string): void {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    if (stats.isFile()) archive.addOpen(entryOf(name, 'file', stats), file);
  } finally {
    closeSync(file);
  }
}

const entryOf = (name: string, type: TarType, { mode, uid, gid, mtimeMs }: Stats): Omit<TarEntry, 'size'> => ({
  name,
  type,
  mode: mode & 0o7777,
  uid,
  gid,
  mtimeSeconds: Math.max(0, Math.floor(mtimeMs / 1000)),
  linkName: '',
});

/** File systems without files: proc, sysfs, devpts, mqueue, and cgroups of both kinds (linux/magic.h). */
const kernelFileSystems = [0x9fa0, 0x62656572, 0x1cd1, 0x19800202, 0x27e0eb, 0x63677270];

const isOfKernel = (path: string): boolean => kernelFileSystems.includes(statfsSync(path).type);

function writeAll(output: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(output, bytes, done);
}
