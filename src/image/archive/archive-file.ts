import { rmSync } from 'node:fs';
import { posix } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import type { Layout } from '../layout/layout.ts';
import { maxDocumentBytes } from '../layout/manifest.ts';
import { decompressFile, storeLayer, type StoredLayer } from '../layout/store-layer.ts';
import { openByteSource } from '../tar/byte-source.ts';
import { readArchive, type TarMember } from '../tar/read-archive.ts';

/** An image archive on disk, by the names of its files. */
export interface ArchiveFile {
  has(name: string): boolean;
  /** A small file (manifest, config); IMAGE_INVALID when it is missing or too large. */
  read(name: string): Buffer;
  /** Puts a layer into the layout, decompressed where it is gzip or zstd; `check` may throw. */
  storeLayer(name: string, check: (layer: StoredLayer) => void): Promise<StoredLayer>;
}

/** Reads the archive at `path` (itself perhaps gzip) for as long as `use` runs. */
export async function withArchive<T>(
  layout: Layout,
  path: string,
  use: (archive: ArchiveFile) => Promise<T>,
): Promise<T> {
  const plain = (await decompressFile(layout, path, { image: archiveLabel, label: 'it' })) ?? path;
  try {
    using source = openByteSource(plain);
    const members = new Map(
      [...readArchive(source, archiveLabel, layout.limits)].map((member) => [clean(member.name), member]),
    );
    const find = (name: string): TarMember => findFile(members, name);
    return await use({
      has: (name) => members.has(clean(name)),
      read: (name) => {
        const { bodyOffset, size } = find(name);
        if (size > maxDocumentBytes) throw invalid(`"${name}" in it is too large`);
        return Buffer.from(source.read(bodyOffset, size));
      },
      storeLayer: (name, check) => {
        const { bodyOffset, size } = find(name);
        const label = `"${name}" in it`;
        return storeLayer(layout, { path: plain, offset: bodyOffset, size }, { image: archiveLabel, label }, check);
      },
    });
  } finally {
    if (plain !== path) rmSync(plain, { force: true });
  }
}

/** What an archive is called in errors, before anything in it has told its name. */
const archiveLabel = 'archive';

const clean = (name: string): string => posix.normalize(name).replace(/^\.\//, '');

/** `docker save` before 25 writes a layer once and links to it from other images. */
function findFile(members: ReadonlyMap<string, TarMember>, name: string): TarMember {
  let at = clean(name);
  for (let links = 0; links < 8; links += 1) {
    const member = members.get(at);
    if (member?.type === 'file') return member;
    if (member?.type === 'symlink') at = clean(posix.join(posix.dirname(at), member.linkName));
    else if (member?.type === 'hardlink') at = clean(member.linkName);
    else break;
  }
  throw invalid(`"${name}" is missing in it`);
}

const invalid = (reason: string): MinkeError => new MinkeError('IMAGE_INVALID', { image: archiveLabel, reason });
