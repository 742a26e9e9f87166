import { MinkeError } from '../../errors/index.ts';
import type { TarEntry } from '../tar/entry.ts';

/** Throws IMAGE_INVALID for what no layer of an honest image holds: absolute names, `..`, device nodes, FIFOs. */
export function checkEntry(entry: TarEntry, image: string): void {
  const refuse = (reason: string): never => {
    throw new MinkeError('IMAGE_INVALID', { image, reason });
  };
  checkName(entry.name, refuse);
  if (entry.type === 'hardlink') checkName(entry.linkName, refuse);
  if (entry.type === 'symlink' && entry.linkName === '') refuse(`the link "${entry.name}" leads nowhere`);
  if (entry.type === 'device' || entry.type === 'fifo')
    refuse(`"${entry.name}" is a ${entry.type === 'fifo' ? 'FIFO' : 'device node'}`);
  if (entry.type === 'symlink' && entry.linkName.includes('\0'))
    refuse(`the link "${entry.name}" has a NUL in its target`);
  if (entry.type === 'symlink' && Buffer.byteLength(entry.linkName) >= pathLimit)
    refuse(`the link "${shown(entry.name)}" has a target that is too long`);
  if (entry.uid > maxId || entry.gid > maxId) refuse(`"${entry.name}" belongs to a user that cannot be`);
  if (entry.mtimeSeconds > maxSeconds) refuse(`"${entry.name}" has a date that cannot be`);
}

/** `./a/b` and `a/b` are the same; the empty list is the root itself. */
export function partsOf(name: string): readonly string[] {
  return name.split('/').filter((part) => part !== '' && part !== '.');
}

/** NAME_MAX and PATH_MAX (limits.h); what comes before a name on this host counts for the second, so less is left for it. */
const nameLimit = 255;
const pathLimit = 4096;
export const longestPathBytes = pathLimit - 1024;

/** uid_t is 32 bits, and its last value means "nobody in particular". */
const maxId = 2 ** 32 - 2;

/** The year 10,000. */
const maxSeconds = 253_402_300_800;

const shown = (name: string): string => (name.length > 80 ? `${name.slice(0, 77)}...` : name);

function checkName(name: string, refuse: (reason: string) => never): void {
  if (name.startsWith('/')) refuse(`"${name}" is an absolute name`);
  if (name.includes('\0')) refuse('a name has a NUL in it');
  if (Buffer.byteLength(name) > longestPathBytes) refuse(`the name "${shown(name)}" is too long`);
  if (name.split('/').some((part) => Buffer.byteLength(part) > nameLimit))
    refuse(`the name "${shown(name)}" has a part of more than ${nameLimit} bytes`);
  if (name.split('/').includes('..')) refuse(`"${name}" leads out of the image`);
}
