import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { hexOf, type Digest } from '../layout/digest.ts';
import type { Blobs } from '../layout/blobs.ts';
import type { StoredImage } from '../layout/layout.ts';
import { mediaTypes } from '../layout/manifest.ts';
import { shortName } from '../layout/reference.ts';
import { encodeHeader, endOfArchive } from '../tar/encode-header.ts';
import { paddingAfter } from '../tar/entry.ts';

/** One file of an archive that is to be written. */
export type ArchivePart =
  | { readonly name: string; readonly bytes: Uint8Array }
  | { readonly name: string; readonly path: string; readonly size: number };

/**
 * The files of an image archive that is both: an OCI layout, and with `manifest.json` what `docker load` of 20.10 and later
 * reads (the form that `docker save` itself has written since 25).
 */
export function planArchive(blobs: Blobs, image: StoredImage, names: readonly string[]): readonly ArchivePart[] {
  const digests = [
    ...new Set([image.manifestDigest, image.id, ...image.manifest.layers.map(({ digest }) => digest)]),
  ].toSorted();
  const docker = [
    {
      Config: blobName(image.id),
      RepoTags: names.map(shortName),
      Layers: image.manifest.layers.map(({ digest }) => blobName(digest)),
    },
  ];
  const manifest = {
    mediaType: mediaTypes.manifest,
    digest: image.manifestDigest,
    size: blobs.sizeOf(image.manifestDigest),
  };
  const manifests =
    names.length === 0 ? [manifest] : names.map((name) => ({ ...manifest, annotations: annotationsFor(name) }));
  return [
    ...digests.map((digest) => ({ name: blobName(digest), path: blobs.pathOf(digest), size: blobs.sizeOf(digest) })),
    json('index.json', { schemaVersion: 2, mediaType: mediaTypes.index, manifests }),
    json('manifest.json', docker),
    json('oci-layout', { imageLayoutVersion: '1.0.0' }),
  ];
}

/** The archive as a stream; a part that vanishes meanwhile breaks it off with an error. */
export function streamArchive(parts: readonly ArchivePart[]): Readable {
  return Readable.from(archiveBytes(parts), { objectMode: false });
}

const blobName = (digest: Digest): string => `blobs/sha256/${hexOf(digest)}`;

const json = (name: string, value: unknown): ArchivePart => ({ name, bytes: Buffer.from(JSON.stringify(value)) });

function annotationsFor(name: string): Readonly<Record<string, string>> {
  return {
    'io.containerd.image.name': name,
    'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
  };
}

async function* archiveBytes(parts: readonly ArchivePart[]): AsyncGenerator<Uint8Array> {
  const common = { uid: 0, gid: 0, mtimeSeconds: 0, linkName: '', size: 0 };
  for (const name of ['blobs', 'blobs/sha256']) yield encodeHeader({ ...common, name, type: 'folder', mode: 0o755 });
  for (const part of parts) {
    const size = 'bytes' in part ? part.bytes.length : part.size;
    yield encodeHeader({ ...common, name: part.name, type: 'file', mode: 0o644, size });
    if ('bytes' in part) yield part.bytes;
    else yield* createReadStream(part.path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>;
    yield Buffer.alloc(paddingAfter(size));
  }
  yield endOfArchive;
}
