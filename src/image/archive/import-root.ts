import { readdirSync, lstatSync, readlinkSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import type { ImageConfig } from '../../model/instance.ts';
import type { StoredBlob } from '../layout/blobs.ts';
import type { Layout, StoredImage } from '../layout/layout.ts';
import { architectureOf, toConfigFile } from '../layout/manifest.ts';
import { createTree, writeLayer, type Tree } from '../layout/tree.ts';
import { openByteSource, readPieces } from '../tar/byte-source.ts';

/** A root file system as an image of one layer: a folder (owned by root in the image, modes kept) or an uncompressed tar file. */
export function importRoot(layout: Layout, reference: string, path: string, config: Partial<ImageConfig>): StoredImage {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new MinkeError('IMAGE_NOT_FOUND', { image: reference, reason: `there is no ${path}` });
  const layer = stats.isDirectory() ? writeLayer(folderTree(path, reference), layout.blobs) : copyTar(layout, path);
  const file = toConfigFile({ ...plainConfig, ...config }, architectureOf(process.arch), [layer.digest]);
  return layout.add({ configBytes: Buffer.from(JSON.stringify(file)), layers: [layer], names: [reference] });
}

const plainConfig: ImageConfig = {
  entrypoint: [],
  command: [],
  env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  workdir: '/',
  user: '',
  exposedPorts: [],
  labels: {},
  volumes: [],
};

function folderTree(folder: string, image: string): Tree {
  const tree = createTree();
  const walk = (relative: string): void => {
    for (const name of readdirSync(join(folder, relative))) {
      const path = posix.join(relative, name);
      const stats = lstatSync(join(folder, path));
      const mode = stats.mode & 0o7777;
      if (stats.isDirectory()) {
        tree.set(path, { type: 'folder', mode });
        walk(path);
      } else if (stats.isSymbolicLink()) tree.set(path, { type: 'symlink', target: readlinkSync(join(folder, path)) });
      else if (stats.isFile()) tree.set(path, { type: 'file', mode, content: { path: join(folder, path) } });
      else throw new MinkeError('IMAGE_INVALID', { image, reason: `${path} is neither a file, a folder nor a link` });
    }
  };
  walk('');
  return tree;
}

function copyTar(layout: Layout, path: string): StoredBlob {
  const blob = layout.blobs.create();
  try {
    using source = openByteSource(path);
    for (const piece of readPieces(source, 0, source.size)) blob.write(piece);
    return blob.commit();
  } finally {
    blob.abort();
  }
}
