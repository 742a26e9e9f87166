import { chmodSync, existsSync, lstatSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import type { ReadyImage } from '../../model/instance.ts';
import { hexOf } from '../layout/digest.ts';
import type { Layout, StoredImage } from '../layout/layout.ts';
import { toImageConfig } from '../layout/manifest.ts';
import { applyLayer } from './apply-layer.ts';
import { partsOf } from './check-entry.ts';
import { unpackLayer } from './layer.ts';
import { folderInRoot } from './path-in-root.ts';

/**
 * The image's root at `roots/ID`, made of hard links to its unpacked layers on first use: images that share a layer share
 * its disk and its page cache. It appears whole by a rename. Nobody may write to it: one inode serves many roots.
 */
export function prepareRoot(layout: Layout, image: StoredImage, reference: string): ReadyImage {
  const rootPath = join(layout.folder, 'roots', hexOf(image.id));
  const config = toImageConfig(image.config);
  if (!existsSync(rootPath)) makeRoot(layout, image, rootPath, [config.workdir, ...config.volumes]);
  return { id: image.id, reference, rootPath, config };
}

function makeRoot(layout: Layout, image: StoredImage, rootPath: string, folders: readonly string[]): void {
  const label = image.names[0] ?? image.id;
  checkLayers(image, label);
  const made = layout.temporary.newPath();
  mkdirSync(made, 0o755);
  chmodSync(made, 0o755);
  try {
    let entries = 0;
    for (const digest of image.config.rootfs.diff_ids) {
      const layer = unpackLayer(layout, digest, label);
      entries += layer.entries.length;
      if (entries > layout.limits.entries)
        throw new MinkeError('IMAGE_INVALID', {
          image: label,
          reason: `it has more than ${layout.limits.entries} entries`,
        });
      applyLayer(made, layer, label);
    }
    addMountPoints(made, folders, label);
    mkdirSync(join(layout.folder, 'roots'), { recursive: true });
    layout.temporary.settle(made, rootPath);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/** Layers are uncompressed here, so the config must list the very digests that the manifest does. */
function checkLayers(image: StoredImage, label: string): void {
  const listed = image.manifest.layers.map(({ digest }) => digest);
  if (listed.join() !== image.config.rootfs.diff_ids.join()) {
    throw new MinkeError('IMAGE_INVALID', {
      image: label,
      reason: 'its config and its manifest list different layers',
    });
  }
}

/** What a container mounts over a root that may be read-only. */
const mountFolders = ['/proc', '/sys', '/dev', '/run', '/run/minke', '/run/secrets'];
const openFolders = ['/tmp', '/var/tmp'];
const mountFiles = ['/etc/hosts', '/etc/resolv.conf', '/etc/hostname'];

function addMountPoints(root: string, folders: readonly string[], label: string): void {
  for (const path of [...mountFolders, ...folders]) folderInRoot(root, partsOf(path), label);
  for (const path of openFolders) chmodSync(folderInRoot(root, partsOf(path), label), 0o1777);
  for (const path of mountFiles) {
    const parts = partsOf(path);
    addFile(join(folderInRoot(root, parts.slice(0, -1), label), parts.at(-1) ?? ''));
  }
}

/** A link here (resolv.conf often is one) would have the mount land where it leads. */
function addFile(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() === true) return;
  if (stats !== undefined) rmSync(path, { recursive: true, force: true });
  writeFileSync(path, '', { mode: 0o644, flag: 'wx' });
}
