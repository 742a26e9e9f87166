import { mkdirSync, writeFileSync, chmodSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { digestOf } from '../layout/digest.ts';
import type { Layout, StoredImage } from '../layout/layout.ts';
import { createArchiveWriter } from '../tar/archive-writer.ts';
import type { TarEntry } from '../tar/entry.ts';

/** An entry in short: what is not said is that of a plain file of root. */
export type ShortEntry = Partial<TarEntry> & { readonly name: string; readonly text?: string | Buffer };

export function tarOf(entries: readonly ShortEntry[]): Buffer {
  const pieces: Buffer[] = [];
  const archive = createArchiveWriter((bytes) => pieces.push(Buffer.from(bytes)));
  for (const { text = '', ...entry } of entries) {
    const whole = { type: 'file' as const, mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0, linkName: '', ...entry };
    archive.add(whole, typeof text === 'string' ? Buffer.from(text) : text);
  }
  archive.end();
  return Buffer.concat(pieces);
}

/** An image of these layers, whatever is in them. */
export function addImage(
  layout: Layout,
  name: string,
  layers: readonly (readonly ShortEntry[])[],
  config: object = {},
): StoredImage {
  const blobs = layers.map((entries) => layout.blobs.put(tarOf(entries)));
  return layout.add({
    configBytes: configOf(
      blobs.map(({ digest }) => digest),
      config,
    ),
    layers: blobs,
    names: [name],
  });
}

export function configOf(diffIds: readonly string[], config: object = {}): Buffer {
  return Buffer.from(
    JSON.stringify({ architecture: 'amd64', os: 'linux', config, rootfs: { type: 'layers', diff_ids: diffIds } }),
  );
}

/** A `docker save` archive as Docker before 25 writes it. */
export function dockerArchive(tag: string, layers: readonly Buffer[], diffIds: readonly string[]): Buffer {
  const config = configOf(diffIds, { Cmd: ['/hello'] });
  const configName = `${digestOf(config).slice(7)}.json`;
  const names = layers.map((_, index) => `layer${index}/layer.tar`);
  return tarOf([
    { name: configName, text: config.toString() },
    ...layers.map((layer, index) => ({ name: names[index] ?? '', text: layer })),
    { name: 'manifest.json', text: JSON.stringify([{ Config: configName, RepoTags: [tag], Layers: names }]) },
  ]);
}

/** Files by path relative to the folder; a text that starts with `#!` becomes executable. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    if (text.startsWith('#!')) chmodSync(path, 0o755);
  }
}
