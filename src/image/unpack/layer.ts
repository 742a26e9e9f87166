import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  readFileSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { hexOf, type Digest } from '../layout/digest.ts';
import type { Layout } from '../layout/layout.ts';
import { openByteSource, readPieces, type ByteSource } from '../tar/byte-source.ts';
import type { TarEntry } from '../tar/entry.ts';
import { readArchive } from '../tar/read-archive.ts';
import { checkEntry } from './check-entry.ts';

/** A layer on disk: its entries in order, and the content of each file under its number in that order. */
export interface UnpackedLayer {
  readonly digest: Digest;
  readonly entries: readonly TarEntry[];
  contentPath(index: number): string;
}

/**
 * The layer, unpacked once for all images that share it. Its files lie flat, with mode, owner and date set; roots are made
 * of hard links to them. Nothing of an archive decides where anything is written here, so a hostile one has no say.
 */
export function unpackLayer(layout: Layout, digest: Digest, image: string): UnpackedLayer {
  const folder = join(layout.folder, 'layers', hexOf(digest));
  if (!existsSync(folder)) makeLayer(layout, digest, folder, image);
  const entries = JSON.parse(readFileSync(join(folder, listName), 'utf8')) as readonly TarEntry[];
  return { digest, entries, contentPath: (index) => join(folder, String(index)) };
}

const listName = 'entries.json';

function makeLayer(layout: Layout, digest: Digest, folder: string, image: string): void {
  layout.blobs.verify(digest);
  const made = layout.temporary.newPath();
  mkdirSync(made);
  try {
    writeLayerFiles(layout, digest, made, image);
    mkdirSync(join(layout.folder, 'layers'), { recursive: true });
    layout.temporary.settle(made, folder);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

function writeLayerFiles(layout: Layout, digest: Digest, made: string, image: string): void {
  using source = openByteSource(layout.blobs.pathOf(digest));
  const entries: TarEntry[] = [];
  for (const member of readArchive(source, image, layout.limits)) {
    checkEntry(member, image);
    const { bodyOffset, ...entry } = member;
    if (entry.type === 'file') writeContent(source, bodyOffset, entry, join(made, String(entries.length)));
    entries.push(entry);
  }
  writeFileSync(join(made, listName), JSON.stringify(entries));
}

function writeContent(source: ByteSource, bodyOffset: number, entry: TarEntry, path: string): void {
  const file = openSync(path, 'wx', 0o600);
  for (const piece of readPieces(source, bodyOffset, entry.size)) {
    for (let done = 0; done < piece.length;) done += writeSync(file, piece, done);
  }
  closeSync(file);
  own(path, entry);
  chmodSync(path, entry.mode);
  utimesSync(path, entry.mtimeSeconds, entry.mtimeSeconds);
}

/** Before the mode is set: a change of owner drops setuid bits. Without root everything stays ours. */
export function own(path: string, { uid, gid }: Pick<TarEntry, 'uid' | 'gid'>): void {
  if (process.getuid?.() === 0) chownSync(path, uid, gid);
}
