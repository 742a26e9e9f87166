import { chmodSync, lstatSync, mkdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import { longestPathBytes } from './check-entry.ts';

/**
 * The real folder under `root` that `parts` name, seen as a process whose root it is would see it: an absolute link starts
 * at `root` again. Missing folders are made. A link that climbs above `root` is refused (IMAGE_INVALID), so the answer
 * never lies outside. Only for roots that nobody else writes to meanwhile.
 */
export function folderInRoot(root: string, parts: readonly string[], image: string): string {
  let left = [...parts];
  let real: string[] = [];
  for (let links = 0; left.length > 0;) {
    const [part = '', ...rest] = left;
    left = rest;
    if (part === '..') {
      if (real.length === 0) throw invalid(image, `"${parts.join('/')}" leads out of the image through a link`);
      real = real.slice(0, -1);
      continue;
    }
    const path = join(root, ...real, part);
    if (Buffer.byteLength(path) - Buffer.byteLength(root) > longestPathBytes)
      throw invalid(image, 'links of it make a path that is too long');
    const target = linkTarget(path);
    if (target === undefined) {
      enterFolder(path, image);
      real = [...real, part];
      continue;
    }
    links += 1;
    if (links > maxLinks) throw invalid(image, `"${parts.join('/')}" is a loop of links`);
    if (target.startsWith('/')) real = [];
    left = [...target.split('/').filter((step) => step !== '' && step !== '.'), ...left];
  }
  return join(root, ...real);
}

/** As the kernel's own limit (path_resolution(7)). */
const maxLinks = 40;

function linkTarget(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : undefined;
}

function enterFolder(path: string, image: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) {
    mkdirSync(path);
    chmodSync(path, 0o755);
  } else if (!stats.isDirectory()) throw invalid(image, 'a file of it lies under another file');
}

const invalid = (image: string, reason: string): MinkeError => new MinkeError('IMAGE_INVALID', { image, reason });
