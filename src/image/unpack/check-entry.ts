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
}

/** `./a/b` and `a/b` are the same; the empty list is the root itself. */
export function partsOf(name: string): readonly string[] {
  return name.split('/').filter((part) => part !== '' && part !== '.');
}

function checkName(name: string, refuse: (reason: string) => never): void {
  if (name.startsWith('/')) refuse(`"${name}" is an absolute name`);
  if (name.includes('\0')) refuse('a name has a NUL in it');
  if (name.split('/').includes('..')) refuse(`"${name}" leads out of the image`);
}
