import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, rmSync } from 'node:fs';
import { posix } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { MinkeError } from '../../errors/index.ts';
import type { StoredBlob } from '../layout/blobs.ts';
import type { Digest } from '../layout/digest.ts';
import type { Layout } from '../layout/layout.ts';
import { openByteSource } from '../tar/byte-source.ts';
import { readArchive, type TarMember } from '../tar/read-archive.ts';

/** An image archive on disk, by the names of its files. */
export interface ArchiveFile {
  has(name: string): boolean;
  /** A small file (manifest, config); IMAGE_INVALID when it is missing or too large. */
  read(name: string): Buffer;
  /** Puts a layer into the layout, decompressed where it is gzip or zstd. */
  storeLayer(name: string): Promise<StoredLayer>;
}

export interface StoredLayer extends StoredBlob {
  /** Digest of the file as the archive has it. */
  readonly sourceDigest: Digest;
}

/** Reads the archive at `path` (itself perhaps gzip) for as long as `use` runs. */
export async function withArchive<T>(
  layout: Layout,
  path: string,
  use: (archive: ArchiveFile) => Promise<T>,
): Promise<T> {
  const plain = await decompressed(layout, path);
  try {
    using source = openByteSource(plain);
    const members = new Map([...readArchive(source, archiveLabel)].map((member) => [clean(member.name), member]));
    const find = (name: string): TarMember => findFile(members, name);
    return await use({
      has: (name) => members.has(clean(name)),
      read: (name) => {
        const { bodyOffset, size } = find(name);
        if (size > maxSmallBytes) throw invalid(`"${name}" in it is too large`);
        return Buffer.from(source.read(bodyOffset, size));
      },
      storeLayer: (name) => storeLayer(layout, plain, find(name)),
    });
  } finally {
    if (plain !== path) rmSync(plain, { force: true });
  }
}

/** What an archive is called in errors, before anything in it has told its name. */
const archiveLabel = 'archive';
const maxSmallBytes = 4 << 20;

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

async function decompressed(layout: Layout, path: string): Promise<string> {
  const decoder = decoderFor(await firstBytes(path, 0));
  if (decoder === undefined) return path;
  const plain = layout.temporary.newPath();
  try {
    await pipeline(createReadStream(path), decoder, createWriteStream(plain));
    return plain;
  } catch (cause) {
    rmSync(plain, { force: true });
    throw invalid('it cannot be decompressed', cause);
  }
}

async function storeLayer(layout: Layout, path: string, member: TarMember): Promise<StoredLayer> {
  const blob = layout.blobs.create();
  const hash = createHash('sha256');
  try {
    const decoder = decoderFor(await firstBytes(path, member.bodyOffset)) ?? new PassThrough();
    const tap = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    };
    await pipeline(bytesOf(path, member), tap, decoder, async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) blob.write(chunk);
    });
    return { ...blob.commit(), sourceDigest: `sha256:${hash.digest('hex')}` };
  } catch (cause) {
    throw isDecodeError(cause) ? invalid(`"${member.name}" in it cannot be decompressed`, cause) : cause;
  } finally {
    blob.abort();
  }
}

function bytesOf(path: string, { bodyOffset, size }: TarMember): Readable {
  // `end` is the last byte itself, so nothing at all cannot be said with it.
  return size === 0
    ? createReadStream('/dev/null')
    : createReadStream(path, { start: bodyOffset, end: bodyOffset + size - 1, highWaterMark: 1 << 18 });
}

async function firstBytes(path: string, offset: number): Promise<Buffer> {
  for await (const chunk of createReadStream(path, { start: offset, end: offset + 3 })) return chunk as Buffer;
  return Buffer.alloc(0);
}

function decoderFor(start: Buffer): ReturnType<typeof createGunzip> | undefined {
  if (start.subarray(0, 2).equals(Buffer.of(0x1f, 0x8b))) return createGunzip();
  return start.equals(Buffer.of(0x28, 0xb5, 0x2f, 0xfd)) ? createZstdDecompress() : undefined;
}

const isDecodeError = (error: unknown): boolean =>
  error instanceof Error && /^(Z_|ZSTD_)/.test((error as NodeJS.ErrnoException).code ?? '');

const invalid = (reason: string, cause?: unknown): MinkeError =>
  new MinkeError('IMAGE_INVALID', { image: archiveLabel, reason }, cause === undefined ? {} : { cause });
