import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredBlob } from './blobs.ts';
import { isDigest } from './digest.ts';
import type { Layout } from './layout.ts';
import { treeKey, writeLayer, type Tree } from './tree.ts';

/** The tree's layer, written only when its files are not the ones that it was made from last time. */
export function cachedLayer(tree: Tree, layout: Layout): StoredBlob {
  const folder = join(layout.folder, 'cache');
  const path = join(folder, treeKey(tree));
  const known = readKnown(path);
  if (known !== undefined && layout.blobs.has(known)) return { digest: known, size: layout.blobs.sizeOf(known) };
  const blob = writeLayer(tree, layout.blobs);
  mkdirSync(folder, { recursive: true });
  const made = layout.temporary.newPath();
  writeFileSync(made, blob.digest);
  renameSync(made, path);
  return blob;
}

function readKnown(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    return isDigest(text) ? text : undefined;
  } catch {
    return undefined;
  }
}
