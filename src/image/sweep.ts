import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { hexOf, type Digest } from './layout/digest.ts';
import type { Layout } from './layout/layout.ts';

/** What a sweep took away. */
export interface Swept {
  /** Ids of images that had no name and nobody kept. */
  readonly images: readonly Digest[];
  /** Bytes of blobs; unpacked layers and roots come on top. */
  readonly freedBytes: number;
}

/**
 * Removes images without a name but those in `keep` (ids that a release or a living instance refers to), then every blob,
 * unpacked layer and root that no image needs any more. The root of a kept id stays even where its image was removed.
 */
export function sweep(layout: Layout, keep: readonly Digest[]): Swept {
  const images = layout.list().filter(({ id, names }) => names.length === 0 && !keep.includes(id));
  for (const { id } of images) layout.forget(id);
  const left = layout.list();
  const layers = left.flatMap(({ manifest }) => manifest.layers.map(({ digest }) => digest));
  const needed = new Set([...layers, ...left.flatMap(({ id, manifestDigest }) => [id, manifestDigest])]);
  const unneeded = layout.blobs.list().filter((digest) => !needed.has(digest));
  const freedBytes = unneeded.reduce((sum, digest) => sum + layout.blobs.sizeOf(digest), 0);
  for (const digest of unneeded) layout.blobs.remove(digest);
  removeAllBut(join(layout.folder, 'layers'), layers);
  removeAllBut(join(layout.folder, 'roots'), [...left.map(({ id }) => id), ...keep]);
  return { images: images.map(({ id }) => id), freedBytes };
}

function removeAllBut(folder: string, digests: readonly Digest[]): void {
  const kept = new Set(digests.map(hexOf));
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (!kept.has(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}
