import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import { openByteSource, readPieces } from '../tar/byte-source.ts';
import { digestOf, hexOf, type Digest } from './digest.ts';
import { maxDocumentBytes } from './manifest.ts';
import type { Temporary } from './temporary.ts';

/** Content by digest. A blob is there whole or not at all: temporary file, fsync, rename. */
export interface Blobs {
  pathOf(digest: Digest): string;
  has(digest: Digest): boolean;
  put(bytes: Uint8Array): StoredBlob;
  /** Content that comes in pieces. */
  create(): BlobWriter;
  /** A small blob, checked against its digest. */
  read(digest: Digest): Buffer;
  sizeOf(digest: Digest): number;
  /** IMAGE_INVALID unless the whole content has this digest. */
  verify(digest: Digest): void;
  list(): readonly Digest[];
  remove(digest: Digest): void;
}

export interface StoredBlob {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

export interface BlobWriter {
  write(bytes: Uint8Array): void;
  /** `check` may throw: then nothing is stored. */
  commit(check?: (blob: StoredBlob) => void): StoredBlob;
  /** Drops what was written; harmless after `commit`. */
  abort(): void;
}

export function openBlobs(folder: string, temporary: Temporary): Blobs {
  mkdirSync(folder, { recursive: true });
  const pathOf = (digest: Digest): string => join(folder, hexOf(digest));
  const create = (): BlobWriter => createBlobWriter(temporary, pathOf);
  return {
    pathOf,
    has: (digest) => existsSync(pathOf(digest)),
    put: (bytes) => {
      const writer = create();
      writer.write(bytes);
      return writer.commit();
    },
    create,
    read: (digest) => readSmall(pathOf(digest), digest),
    sizeOf: (digest) => statSync(pathOf(digest)).size,
    verify: (digest) => verifyFile(pathOf(digest), digest),
    list: () => readdirSync(folder).map((name) => `sha256:${name}`),
    remove: (digest) => rmSync(pathOf(digest), { force: true }),
  };
}

const bufferBytes = 1 << 20;

function createBlobWriter(temporary: Temporary, pathOf: (digest: Digest) => string): BlobWriter {
  const path = temporary.newPath();
  const file = openSync(path, 'wx', 0o644);
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(bufferBytes);
  let filled = 0;
  let size = 0;
  let isOpen = true;
  const flush = (): void => {
    const bytes = buffer.subarray(0, filled);
    hash.update(bytes);
    for (let done = 0; done < filled;) done += writeSync(file, bytes, done);
    size += filled;
    filled = 0;
  };
  const close = (): void => {
    if (isOpen) closeSync(file);
    isOpen = false;
  };
  return {
    write: (bytes) => {
      for (let at = 0; at < bytes.length;) {
        const count = Math.min(bytes.length - at, bufferBytes - filled);
        buffer.set(bytes.subarray(at, at + count), filled);
        filled += count;
        at += count;
        if (filled === bufferBytes) flush();
      }
    },
    commit: (check) => {
      flush();
      const digest: Digest = `sha256:${hash.digest('hex')}`;
      check?.({ digest, size });
      if (!existsSync(pathOf(digest))) fsyncSync(file);
      close();
      temporary.settle(path, pathOf(digest));
      return { digest, size };
    },
    abort: () => {
      close();
      rmSync(path, { force: true });
    },
  };
}

function readSmall(path: string, digest: Digest): Buffer {
  if (!existsSync(path)) throw invalid(digest, 'it is not in the layout');
  if (statSync(path).size > maxDocumentBytes) throw invalid(digest, 'it is too large for a manifest or a config');
  const bytes = readFileSync(path);
  if (digestOf(bytes) !== digest) throw invalid(digest, 'its content does not match its digest');
  return bytes;
}

function verifyFile(path: string, digest: Digest): void {
  if (!existsSync(path)) throw invalid(digest, 'it is not in the layout');
  const hash = createHash('sha256');
  using source = openByteSource(path);
  for (const piece of readPieces(source, 0, source.size)) hash.update(piece);
  if (`sha256:${hash.digest('hex')}` !== digest) throw invalid(digest, 'its content does not match its digest');
}

const invalid = (image: string, reason: string): MinkeError => new MinkeError('IMAGE_INVALID', { image, reason });
