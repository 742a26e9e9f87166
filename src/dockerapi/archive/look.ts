import { lstatSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import type { FileLook } from './task.ts';

export function lookAt(path: string): FileLook {
  const { size, mode, mtimeMs } = lstatSync(path);
  return {
    name: posix.basename(path) || '/',
    sizeBytes: size,
    mode,
    changedAt: mtimeMs,
    linkTarget: (mode & kindBits) === linkKind ? readlinkSync(path) : '',
  };
}

// inode(7): S_IFMT and S_IFLNK.
const kindBits = 0o170000;
const linkKind = 0o120000;
