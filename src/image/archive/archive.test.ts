import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createWriteStream } from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../layout/digest.ts';
import { openLayout, type Layout } from '../layout/layout.ts';
import { architectureOf, mediaTypes } from '../layout/manifest.ts';
import { addImage, configOf, dockerArchive, tarOf, writeFiles, type ShortEntry } from '../testing/images.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { prepareRoot } from '../unpack/root.ts';
import { importRoot } from './import-root.ts';
import { loadArchive } from './load-archive.ts';
import { planArchive, streamArchive } from './save-archive.ts';

const folder = temporaryFolder();
let count = 0;

function newPath(): string {
  count += 1;
  return join(folder, String(count));
}

const newLayout = (): Layout => openLayout(newPath());

function file(bytes: Buffer): string {
  const path = newPath();
  writeFileSync(path, bytes);
  return path;
}

const layer = tarOf([{ name: 'hello', text: 'hello' }]);
const upper = tarOf([{ name: 'upper', text: 'upper' }]);

/** An OCI archive; `blob` may change what lies under a digest. */
function ociArchive(
  layers: readonly Buffer[],
  diffIds: readonly string[],
  blob = (_: string, bytes: Buffer): Buffer => bytes,
): Buffer {
  const config = configOf(diffIds);
  const describeBlob = (mediaType: string, bytes: Buffer): object => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const layerEntries = layers.map((bytes) => describeBlob(mediaTypes.layer, bytes));
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, config: describeBlob(mediaTypes.config, config), layers: layerEntries }),
  );
  const platform = { os: 'linux', architecture: architectureOf(process.arch) };
  const annotations = { 'org.opencontainers.image.ref.name': 'acme/oci:v1' };
  const inner = Buffer.from(
    JSON.stringify({
      manifests: [
        { ...describeBlob(mediaTypes.manifest, manifest), platform },
        {
          ...describeBlob(mediaTypes.manifest, Buffer.from('other')),
          platform: { os: 'unknown', architecture: 'unknown' },
        },
      ],
    }),
  );
  const index = { manifests: [{ ...describeBlob(mediaTypes.index, inner), annotations }] };
  const blobs: ShortEntry[] = [config, manifest, inner, ...layers].map((bytes) => ({
    name: `blobs/sha256/${digestOf(bytes).slice(7)}`,
    text: blob(digestOf(bytes), bytes),
  }));
  return tarOf([...blobs, { name: 'index.json', text: JSON.stringify(index) }]);
}

describe('a docker save archive', () => {
  it('is loaded under its names, and unpacks', async () => {
    const layout = newLayout();
    const [image] = await loadArchive(
      layout,
      file(dockerArchive('acme/hello:v1', [layer, upper], [digestOf(layer), digestOf(upper)])),
    );
    expect(layout.resolve('acme/hello:v1')?.id).toBe(image?.id);
    const ready = prepareRoot(layout, image!, 'acme/hello:v1');
    expect(readFileSync(join(ready.rootPath, 'hello'), 'utf8')).toBe('hello');
    expect(ready.config.command).toEqual(['/hello']);
  });

  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('may be compressed as a whole, and layer by layer (%s)', async (_, compress) => {
    const layout = newLayout();
    const archive = compress(dockerArchive('hello', [compress(layer)], [digestOf(layer)]));
    const [image] = await loadArchive(layout, file(archive));
    expect(image?.manifest.layers.map(({ digest }) => digest)).toEqual([digestOf(layer)]);
  });

  it('may link from one layer to another, as Docker before 25 does', async () => {
    const layout = newLayout();
    const config = configOf([digestOf(layer), digestOf(layer)]);
    const manifest = [
      { Config: `${digestOf(config).slice(7)}.json`, RepoTags: null, Layers: ['a/layer.tar', 'b/layer.tar'] },
    ];
    const archive = tarOf([
      { name: manifest[0]!.Config, text: config },
      { name: 'a/layer.tar', text: layer },
      { name: 'b/layer.tar', type: 'symlink', linkName: '../a/layer.tar' },
      { name: 'manifest.json', text: JSON.stringify(manifest) },
    ]);
    const [image] = await loadArchive(layout, file(archive));
    expect(image?.manifest.layers.length).toBe(2);
  });

  it.each([
    [
      'a layer is not what its config says',
      dockerArchive('x', [upper], [digestOf(layer)]),
      'does not match its digest',
    ],
    ['a layer is missing', dockerArchive('x', [], [digestOf(layer)]), 'it has 0 layers, but its config lists 1'],
    [
      'a layer is broken gzip',
      dockerArchive('x', [gzipSync(layer).subarray(0, 60)], [digestOf(layer)]),
      'cannot be decompressed',
    ],
    ['it is no archive', Buffer.alloc(2048, 'x'), 'wrong checksum|no number'],
    ['it is an archive of something else', layer, 'it is no image archive'],
  ])('is refused when %s, and no image is there afterwards', async (_, archive, reason) => {
    const layout = newLayout();
    await expect(loadArchive(layout, file(archive))).rejects.toThrow(new RegExp(reason));
    expect(layout.list()).toEqual([]);
    expect(readdirSync(join(layout.folder, 'tmp'))).toEqual([]);
  });
});

describe('an OCI archive', () => {
  it('is loaded for this machine, its layers uncompressed, and found by the digest that its source knows', async () => {
    const layout = newLayout();
    const [image] = await loadArchive(layout, file(ociArchive([gzipSync(layer)], [digestOf(layer)])));
    expect(image?.names).toEqual(['docker.io/acme/oci:v1']);
    expect(image?.manifest.layers.map(({ digest }) => digest)).toEqual([digestOf(layer)]);
    expect(layout.resolve(`acme/oci@${image?.sourceDigests[0]}`)?.id).toBe(image?.id);
  });

  const compressed = gzipSync(layer);
  it.each([
    ['layer', compressed, gzipSync(layer, { level: 0 })],
    ['layer’s uncompressed content', gzipSync(upper), gzipSync(upper)],
    ['config', configOf([digestOf(layer)]), configOf([digestOf(layer)], { Cmd: ['evil'] })],
  ])('is refused when the content of its %s does not match its digest', async (_, honest, forged) => {
    const isForged = honest.equals(forged);
    const archive = ociArchive([isForged ? forged : compressed], [digestOf(layer)], (digest, bytes) =>
      digest === digestOf(honest) ? forged : bytes,
    );
    await expect(loadArchive(newLayout(), file(archive))).rejects.toThrow('does not match its digest');
  });
});

describe('a saved image', () => {
  it('is loaded elsewhere as the same image, and GNU tar reads it', async () => {
    const layout = newLayout();
    const image = addImage(layout, 'acme/api:v1', [
      [{ name: 'a', text: 'x'.repeat(300_000) }],
      [{ name: 'b', text: 'b' }],
    ]);
    const path = newPath();
    await pipeline(streamArchive(planArchive(layout.blobs, image, image.names)), createWriteStream(path));
    const [loaded] = await loadArchive(newLayout(), path);
    expect(loaded).toEqual(image);
    const unpacked = newPath();
    mkdirSync(unpacked);
    execFileSync('tar', ['--extract', '--file', path, '--directory', unpacked]);
    const manifest = JSON.parse(readFileSync(join(unpacked, 'manifest.json'), 'utf8')) as [
      { Config: string; RepoTags: string[]; Layers: string[] },
    ];
    expect(manifest[0].RepoTags).toEqual(['acme/api:v1']);
    for (const name of [manifest[0].Config, ...manifest[0].Layers]) {
      expect(`blobs/sha256/${digestOf(readFileSync(join(unpacked, name))).slice(7)}`).toBe(name);
    }
  });
});

describe('a root file system as an image', () => {
  it('comes from a folder, with its modes', () => {
    const source = newPath();
    writeFiles(source, { 'bin/tool': '#!/bin/sh\n', 'etc/x': 'x' });
    const layout = newLayout();
    const ready = prepareRoot(layout, importRoot(layout, 'tools', source, { command: ['/bin/tool'] }), 'tools');
    expect(ready.config.command).toEqual(['/bin/tool']);
    expect(statSync(join(ready.rootPath, 'bin/tool')).mode & 0o777).toBe(0o755);
  });

  it('comes from a tar file', () => {
    const layout = newLayout();
    const ready = prepareRoot(layout, importRoot(layout, 'tar', file(layer), {}), 'tar');
    expect(readFileSync(join(ready.rootPath, 'hello'), 'utf8')).toBe('hello');
  });
});
