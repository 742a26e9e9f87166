import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeBusyboxRoot } from './busybox-root.ts';
import type { TestDaemon } from './daemon.ts';

/** What an image of busybox has beyond it. */
export interface BusyboxExtras {
  /** Programs by their path in the image. */
  readonly programs?: Readonly<Record<string, string>>;
  /** As Docker has it, over what busybox's has. */
  readonly config?: object;
}

/** A `docker save` archive of busybox under these names, gone with `remove`. */
export function busyboxArchive(
  names: readonly string[],
  { programs = {}, config: ownConfig = {} }: BusyboxExtras = {},
): { readonly path: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'minke-busybox-'));
  const root = join(folder, 'root');
  mkdirSync(root);
  makeBusyboxRoot(root);
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(root, name), text, { mode: 0o755 });
  tar('-C', root, '-cf', join(folder, 'layer.tar'), '.');
  const diffId = `sha256:${createHash('sha256')
    .update(readFileSync(join(folder, 'layer.tar')))
    .digest('hex')}`;
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['sh'], Env: ['PATH=/bin'], ...ownConfig },
    rootfs: { type: 'layers', diff_ids: [diffId] },
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(
    join(folder, 'manifest.json'),
    JSON.stringify([{ Config: 'config.json', RepoTags: names, Layers: ['layer.tar'] }]),
  );
  const path = join(folder, 'busybox.tar');
  tar('-C', folder, '-cf', path, 'manifest.json', 'config.json', 'layer.tar');
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** busybox under these names in the image store of a daemon. */
export async function loadBusybox(
  daemon: TestDaemon,
  names: readonly string[],
  extras: BusyboxExtras = {},
): Promise<void> {
  const archive = busyboxArchive(names, extras);
  try {
    await daemon.api.json('imageLoad', {
      body: createReadStream(archive.path),
      headers: { 'content-type': 'application/x-tar' },
    });
  } finally {
    archive.remove();
  }
}

function tar(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('tar', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`tar ${args.join(' ')}: ${stderr}`);
}
