import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, rmSync, statSync } from 'node:fs';
import { PassThrough, type Readable, type Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { MinkeError } from '../../errors/index.ts';
import type { ImageLimits } from '../tar/limits.ts';
import type { StoredBlob } from './blobs.ts';
import type { Digest } from './digest.ts';
import type { Layout } from './layout.ts';

/** Part of a file on disk. */
export interface FilePart {
  readonly path: string;
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

/** How errors call it: `Cannot use the image "IMAGE": LABEL cannot be decompressed`. */
export interface PartName {
  readonly image: string;
  readonly label: string;
}

export interface StoredLayer extends StoredBlob {
  /** Digest of the bytes as they came. */
  readonly sourceDigest: Digest;
}

/** Puts a layer into the layout, decompressed where it is gzip or zstd; `check` may throw: then nothing is stored. */
export async function storeLayer(
  layout: Layout,
  part: FilePart,
  name: PartName,
  check: (layer: StoredLayer) => void,
): Promise<StoredLayer> {
  const blob = layout.blobs.create();
  const hash = createHash('sha256');
  try {
    const onSource = (bytes: Buffer): void => void hash.update(bytes);
    await decode({ part, decoder: await decoderFor(part), limits: layout.limits, name, onSource }, async (chunks) => {
      for await (const chunk of chunks) blob.write(chunk);
    });
    const sourceDigest: Digest = `sha256:${hash.digest('hex')}`;
    return { ...blob.commit((stored) => check({ ...stored, sourceDigest })), sourceDigest };
  } finally {
    blob.abort();
  }
}

/** The path of the same file, decompressed; undefined when it is not compressed. The caller removes it. */
export async function decompressFile(layout: Layout, path: string, name: PartName): Promise<string | undefined> {
  const part = { path, offset: 0, size: statSync(path).size };
  const decoder = await decoderFor(part);
  if (decoder === undefined) return undefined;
  const plain = layout.temporary.newPath();
  try {
    await decode({ part, decoder, limits: layout.limits, name }, createWriteStream(plain));
    return plain;
  } catch (error) {
    rmSync(plain, { force: true });
    throw error;
  }
}

interface Decoding {
  readonly part: FilePart;
  readonly decoder: Transform | undefined;
  readonly limits: ImageLimits;
  readonly name: PartName;
  readonly onSource?: (bytes: Buffer) => void;
}

type Sink = Writable | ((chunks: AsyncIterable<Buffer>) => Promise<void>);

/** A bomb is found out while it goes off: what has come out is held against what has gone in. */
async function decode({ part, decoder, limits, name, onSource }: Decoding, sink: Sink): Promise<void> {
  let readBytes = 0;
  const tap = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      readBytes += chunk.length;
      onSource?.(chunk);
      yield chunk;
    }
  };
  const bound = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let madeBytes = 0;
    for await (const chunk of chunks) {
      madeBytes += chunk.length;
      if (madeBytes > limits.layerBytes) throw refused(name, `is larger than ${limits.layerBytes} bytes`);
      if (madeBytes > limits.freeBytes && madeBytes > readBytes * limits.expansion)
        throw refused(name, `grows to more than ${limits.expansion} times its size when it is decompressed`);
      yield chunk;
    }
  };
  try {
    await pipeline(bytesOf(part), tap, decoder ?? new PassThrough(), bound, sink);
  } catch (cause) {
    throw isDecodeError(cause) ? refused(name, 'cannot be decompressed', cause) : cause;
  }
}

function bytesOf({ path, offset, size }: FilePart): Readable {
  // `end` is the last byte itself, so nothing at all cannot be said with it.
  return size === 0
    ? createReadStream('/dev/null')
    : createReadStream(path, { start: offset, end: offset + size - 1, highWaterMark: 1 << 18 });
}

async function decoderFor({ path, offset, size }: FilePart): Promise<Transform | undefined> {
  const start = Buffer.concat(await bytesOf({ path, offset, size: Math.min(size, 4) }).toArray());
  if (start.subarray(0, 2).equals(Buffer.of(0x1f, 0x8b))) return createGunzip({ chunkSize });
  return start.equals(Buffer.of(0x28, 0xb5, 0x2f, 0xfd)) ? createZstdDecompress({ chunkSize }) : undefined;
}

/** The default of 16 KiB makes an event of each. */
const chunkSize = 1 << 18;

const isDecodeError = (error: unknown): boolean =>
  error instanceof Error && /^(Z_|ZSTD_)/.test((error as NodeJS.ErrnoException).code ?? '');

const refused = ({ image, label }: PartName, what: string, cause?: unknown): MinkeError =>
  new MinkeError('IMAGE_INVALID', { image, reason: `${label} ${what}` }, cause === undefined ? {} : { cause });
