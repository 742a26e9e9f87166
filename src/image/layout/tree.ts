import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { createArchiveWriter, type ArchiveWriter } from '../tar/archive-writer.ts';
import type { Blobs, StoredBlob } from './blobs.ts';
import { digestOf } from './digest.ts';

/** What a layer will hold, by path without a leading slash. Folders above an entry come by themselves (0755, root). */
export interface Tree {
  readonly nodes: ReadonlyMap<string, TreeNode>;
  set(path: string, node: TreeNode): void;
}

export type TreeNode =
  | { readonly type: 'folder'; readonly mode: number; readonly owner?: number }
  | { readonly type: 'file'; readonly mode: number; readonly content: FileContent }
  | { readonly type: 'symlink'; readonly target: string };

/** A file of the host, read when the layer is written, or bytes made here. */
export type FileContent = { readonly path: string } | { readonly bytes: Uint8Array };

export function createTree(): Tree {
  const nodes = new Map<string, TreeNode>();
  const set = (path: string, node: TreeNode): void => {
    addParents(nodes, path);
    nodes.set(path, node);
  };
  return { nodes, set };
}

/** The tree as an uncompressed layer: sorted, owned by root, dated 1970. Equal trees give equal bytes. */
export function writeLayer(tree: Tree, blobs: Blobs): StoredBlob {
  const blob = blobs.create();
  try {
    const archive = createArchiveWriter((bytes) => blob.write(bytes));
    for (const path of [...tree.nodes.keys()].toSorted()) addNode(archive, path, tree.nodes.get(path));
    archive.end();
    return blob.commit();
  } finally {
    blob.abort();
  }
}

/** Changes when a file of the host that the tree names was changed; cheap, since it reads no content. */
export function treeKey(tree: Tree): string {
  const hash = createHash('sha256').update('minke layer 1');
  for (const path of [...tree.nodes.keys()].toSorted()) {
    const node = tree.nodes.get(path);
    hash.update(JSON.stringify([path, node?.type === 'file' ? [node.mode, contentKey(node.content)] : node]));
  }
  return hash.digest('hex');
}

/** What the first tree has beyond the second, so that a file lies in one layer only. */
export function subtract(tree: Tree, other: Tree): Tree {
  const rest = createTree();
  for (const [path, node] of tree.nodes)
    if (node.type !== 'folder' && !isSame(node, other.nodes.get(path))) rest.set(path, node);
  return rest;
}

/** Folders above `path` that are missing; a symlink there is left to lead where it leads. */
function addParents(nodes: Map<string, TreeNode>, path: string): void {
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const parent = path.slice(0, slash);
    if (!nodes.has(parent)) nodes.set(parent, { type: 'folder', mode: 0o755 });
  }
}

function addNode(archive: ArchiveWriter, name: string, node: TreeNode | undefined): void {
  if (node === undefined) return;
  const base = { name, uid: 0, gid: 0, mtimeSeconds: 0, linkName: '' };
  if (node.type === 'folder') {
    const owner = node.owner ?? 0;
    archive.add({ ...base, type: 'folder', mode: node.mode, uid: owner, gid: owner });
  } else if (node.type === 'symlink') {
    archive.add({ ...base, type: 'symlink', mode: 0o777, linkName: node.target });
  } else if ('path' in node.content) {
    archive.addFile({ ...base, type: 'file', mode: node.mode }, node.content.path);
  } else {
    archive.add({ ...base, type: 'file', mode: node.mode }, node.content.bytes);
  }
}

function contentKey(content: FileContent): unknown {
  if ('bytes' in content) return digestOf(content.bytes);
  const { size, mtimeNs, ino } = statSync(content.path, { bigint: true });
  return [content.path, String(size), String(mtimeNs), String(ino)];
}

function isSame(node: TreeNode, other: TreeNode | undefined): boolean {
  if (node.type === 'symlink') return other?.type === 'symlink' && other.target === node.target;
  if (node.type !== 'file' || other?.type !== 'file') return false;
  return 'path' in node.content && 'path' in other.content && node.content.path === other.content.path;
}
