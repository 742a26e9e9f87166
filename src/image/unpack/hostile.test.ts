import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, lstatSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip, createZstdCompress, gzipSync, type Gzip, type ZstdCompress } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { loadArchive } from '../archive/load-archive.ts';
import { digestOf } from '../layout/digest.ts';
import { openLayout, type Layout } from '../layout/layout.ts';
import { storeLayer } from '../layout/store-layer.ts';
import { encodeHeader, endOfArchive } from '../tar/encode-header.ts';
import type { TarEntry } from '../tar/entry.ts';
import { defaultLimits, type ImageLimits } from '../tar/limits.ts';
import { configOf, dockerArchive, tarOf, type ShortEntry } from '../testing/images.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { prepareRoot } from './root.ts';

// Images that somebody made to do harm, from the archive to the unpacked root. root.test.ts has those that only need an entry
// or two; here are whole layers, odd headers, and everything that is too large.
const folder = temporaryFolder();
let count = 0;

function newLayout(limits: Partial<ImageLimits> = {}): Layout {
  count += 1;
  return openLayout(join(folder, String(count)), { ...defaultLimits, ...limits });
}

/** From the bytes of its layers to its root, through the archive reader as from anywhere. */
async function unpack(layout: Layout, layers: readonly Buffer[], sent = layers): Promise<string> {
  const path = join(folder, `${count}.tar`);
  writeFileSync(path, dockerArchive('hostile', sent, layers.map(digestOf)));
  const [image] = await loadArchive(layout, path);
  if (image === undefined) throw new Error('no image came of it');
  return prepareRoot(layout, image, 'hostile').rootPath;
}

const outcomeOf = async (unpacking: Promise<unknown>): Promise<string> =>
  await unpacking.then(
    () => 'unpacked',
    (error: { code?: string; message?: string }) => `${error.code}: ${error.message}`,
  );

/** Nothing half-made, and nothing beside the folders that a layout has. */
function expectClean(layout: Layout): void {
  expect(readdirSync(join(layout.folder, 'tmp'))).toEqual([]);
  for (const part of ['roots', 'layers'])
    expect(existsSync(join(layout.folder, part)) ? readdirSync(join(layout.folder, part)).length : 0).toBeLessThan(3);
  expect(readdirSync(layout.folder).filter((name) => !known.includes(name))).toEqual([]);
  expect(existsSync(join(folder, 'escaped'))).toBe(false);
}

const known = ['blobs', 'index.json', 'layers', 'oci-layout', 'roots', 'tmp'];
const entry = (name: string, more: Partial<TarEntry> = {}): TarEntry => ({
  name,
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeSeconds: 0,
  linkName: '',
  ...more,
});

/** A header with some of its bytes changed, and the checksum made right again. */
function oddHeader(name: string, change: (block: Buffer) => void): Buffer {
  const block = encodeHeader(entry(name));
  change(block);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  return Buffer.concat([block, endOfArchive]);
}

const large = (offset: number, length: number) => (block: Buffer) => {
  block.fill(0, offset, offset + length);
  block[offset] = 0x80;
  block.fill(0xff, offset + length - 7, offset + length);
};

function paxOf(records: string): Buffer {
  const body = Buffer.from(records);
  const head = oddHeader('pax', (block) => {
    block.write('x', 156, 1, 'latin1');
    block.write(body.length.toString(8).padStart(11, '0'), 124, 11, 'latin1');
  }).subarray(0, 512);
  const padding = Buffer.alloc((512 - (body.length % 512)) % 512);
  return Buffer.concat([head, body, padding, encodeHeader(entry('after')), endOfArchive]);
}

const link = (name: string, linkName: string): ShortEntry => ({ name, type: 'symlink', linkName });
const long = 'n'.repeat(256);

describe('a hostile layer is refused in words of its own, writes nothing outside its root, and leaves nothing', () => {
  it.each<[string, readonly Buffer[], RegExp]>([
    [
      'a chain of forty-one links',
      [tarOf([...Array.from({ length: 41 }, (_, at) => link(`l${at}`, `l${at + 1}`)), { name: 'l0/x' }])],
      /loop of links/,
    ],
    [
      'a link from one layer, a file through it from the next',
      [tarOf([link('a', '../../../../..')]), tarOf([{ name: 'a/escaped' }])],
      /leads out of the image/,
    ],
    [
      'a link that an entry of the same name had made harmless',
      [tarOf([{ name: 'a', type: 'folder' }, link('a', '../..'), { name: 'a/escaped' }])],
      /leads out of the image/,
    ],
    [
      'a whiteout through a link that climbs out',
      [tarOf([link('a', '../..')]), tarOf([{ name: 'a/.wh.index.json' }])],
      /leads out of the image/,
    ],
    [
      'an opaque whiteout through a link that climbs out',
      [tarOf([link('a', '../..')]), tarOf([{ name: 'a/.wh..wh..opq' }])],
      /leads out of the image/,
    ],
    [
      'a hard link through a link of a lower layer',
      [tarOf([link('a', '../..')]), tarOf([{ name: 'b', type: 'hardlink', linkName: 'a/index.json' }])],
      /leads out of the image/,
    ],
    [
      'a hard link to a folder',
      [
        tarOf([
          { name: 'a', type: 'folder' },
          { name: 'b', type: 'hardlink', linkName: 'a' },
        ]),
      ],
      /no file in it/,
    ],
    ['a device node with setuid', [tarOf([{ name: 'dev/x', type: 'device', mode: 0o4777 }])], /device node/],
    ['a name of more than 255 bytes', [tarOf([{ name: `a/${long}` }])], /part of more than 255 bytes/],
    ['a path of more than the kernel takes', [tarOf([{ name: 'deep/'.repeat(1000) + 'x' }])], /too long/],
    [
      'a path that only links make too long',
      [
        tarOf([
          { name: `${'d/'.repeat(1400)}x`, type: 'folder' },
          link('s', `${'d/'.repeat(1400)}x`),
          { name: `s/${'e/'.repeat(1400)}y` },
        ]),
      ],
      /too long/,
    ],
    ['a link target longer than any path', [tarOf([link('a', 'x/'.repeat(3000))])], /target that is too long/],
    ['a size beyond the archive', [oddHeader('big', large(124, 12))], /ends in the middle/],
    ['a user that cannot be', [oddHeader('x', large(108, 8))], /a user that cannot be/],
    ['a date that cannot be', [oddHeader('x', large(136, 12))], /a date that cannot be/],
    ['a size that is no number', [oddHeader('x', (block) => void block.write('12x4', 124, 4, 'latin1'))], /no number/],
    ['a negative size', [paxOf('12 size=-1\n')], /names the size "-1"|pax header/],
    ['a pax header that lies about its length', [paxOf('99 path=x\n')], /pax header/],
    [
      'a pax header with a name that climbs out',
      [paxOf('22 path=../../escaped\n')],
      /leads out of the image|pax header/,
    ],
    ['a name with a NUL in its pax header', [paxOf('12 path=a\0b\n')], /NUL/],
    [
      'a sparse file of GNU tar, which says 10 GB',
      [oddHeader('sparse', (block) => void block.write('S', 156, 1, 'latin1'))],
      /unknown type "S"/,
    ],
    ['a sparse file by pax', [paxOf('22 GNU.sparse.major=1\n')], /sparse/],
    ['a wrong checksum', [Buffer.concat([encodeHeader(entry('x')).fill('y', 0, 1), endOfArchive])], /wrong checksum/],
    ['an end in the middle of a header', [encodeHeader(entry('x')).subarray(0, 300)], /middle of a header/],
  ])('%s', async (_, layers, reason) => {
    const layout = newLayout();
    expect(await outcomeOf(unpack(layout, layers))).toMatch(reason);
    expectClean(layout);
  });

  it.each<[string, (layer: Buffer) => Buffer, (layer: Buffer) => Buffer, object, RegExp]>([
    ['a layer of other content', (layer) => layer, () => tarOf([{ name: 'other' }]), {}, /does not match its digest/],
    [
      'a layer that is cut short',
      gzipSync,
      (layer) => gzipSync(layer).subarray(0, 40),
      {},
      /cannot be decompressed|does not match/,
    ],
    ['an Env that is no list', (layer) => layer, (layer) => layer, { Env: { A: 1 } }, /"Env" of its config/],
    ['a Cmd of numbers', (layer) => layer, (layer) => layer, { Cmd: [1, 2] }, /"Cmd" of its config/],
    [
      'a work folder that climbs out',
      (layer) => layer,
      (layer) => layer,
      { WorkingDir: '/../../escaped' },
      /leads out of the image/,
    ],
    [
      'a volume that climbs out',
      (layer) => layer,
      (layer) => layer,
      { Volumes: { '/../../escaped': {} } },
      /leads out of the image/,
    ],
    [
      'a work folder with a NUL',
      (layer) => layer,
      (layer) => layer,
      { WorkingDir: '/a\0b' },
      /"WorkingDir" of its config/,
    ],
  ])('%s', async (_, honest, sent, settings, reason) => {
    const layout = newLayout();
    const layer = tarOf([{ name: 'file', text: 'text'.repeat(100) }]);
    const config = configOf([digestOf(layer)], settings);
    const name = `${digestOf(config).slice(7)}.json`;
    const manifest = JSON.stringify([{ Config: name, RepoTags: ['hostile'], Layers: ['layer.tar'] }]);
    const archive = tarOf([
      { name, text: config },
      { name: 'layer.tar', text: sent(layer) },
      { name: 'manifest.json', text: manifest },
    ]);
    const path = join(folder, `${count}.tar`);
    writeFileSync(path, archive);
    expect(honest(layer).length).toBeGreaterThan(0);
    const loading = loadArchive(layout, path).then(([image]) => image && prepareRoot(layout, image, 'hostile'));
    expect(await outcomeOf(loading)).toMatch(reason);
    expectClean(layout);
  });
});

describe('a hostile layer that does no harm', () => {
  it('may name a file many times: the last one counts', async () => {
    const root = await unpack(newLayout(), [
      tarOf([
        { name: 'a', text: '1' },
        { name: 'a', type: 'folder' },
        link('a', 'b'),
        { name: 'a', text: 'last' },
        { name: './a', text: 'very last' },
      ]),
    ]);
    expect(statSync(join(root, 'a')).size).toBe('very last'.length);
  });

  it('may set setuid anywhere: nobody else on this machine gets at it', async () => {
    const layout = newLayout();
    const root = await unpack(layout, [
      tarOf([
        { name: 'tmp/sh', text: 'x', mode: 0o6777 },
        { name: 'odd', type: 'folder', mode: 0o7777 },
      ]),
    ]);
    expect(lstatSync(join(root, 'tmp/sh')).mode & 0o7777).toBe(0o6777);
    expect(lstatSync(layout.folder).mode & 0o777).toBe(0o700);
  });

  it('may white out what is not there, its own root, and itself', async () => {
    const root = await unpack(newLayout(), [
      tarOf([
        { name: '.wh.none' },
        { name: '.wh..wh..opq' },
        { name: 'a/.wh..wh..opq' },
        { name: '.wh..wh.plnk' },
        { name: 'a/b' },
      ]),
    ]);
    expect(readdirSync(join(root, 'a'))).toEqual(['b']);
  });
});

describe('what is too large is refused while it is read, so that neither memory nor disk fills', () => {
  const zeros = Buffer.alloc(1 << 20);

  /** A compressed tar of one file of so many zeros; made piece by piece, as it is much larger than what comes of it. */
  async function bomb(compress: Gzip | ZstdCompress, megabytes: number): Promise<{ path: string; diffId: string }> {
    const path = join(folder, `bomb-${count}`);
    const hash = createHash('sha256');
    const pieces = function* (): Generator<Buffer> {
      const head = encodeHeader(entry('zeros', { size: megabytes << 20 }));
      for (const piece of [head, ...Array.from({ length: megabytes }, () => zeros), endOfArchive]) {
        hash.update(piece);
        yield piece;
      }
    };
    await pipeline(pieces(), compress, createWriteStream(path));
    return { path, diffId: `sha256:${hash.digest('hex')}` };
  }

  it.each([
    ['gzip', () => createGzip()],
    ['zstd', () => createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 3 } })],
  ])('a bomb of %s goes off no further than its limit', async (_, compress) => {
    const freeBytes = 8 << 20;
    const layout = newLayout({ freeBytes });
    const { path } = await bomb(compress(), 64);
    const { size } = statSync(path);
    expect(size).toBeLessThan(100_000);
    let written = 0;
    const { blobs } = layout;
    const create = blobs.create.bind(blobs);
    const counting: Layout = {
      ...layout,
      blobs: {
        ...blobs,
        create: () => {
          const writer = create();
          return { ...writer, write: (bytes) => (writer.write(bytes), void (written += bytes.length)) };
        },
      },
    };
    const storing = storeLayer(
      counting,
      { path, offset: 0, size },
      { image: 'bomb', label: 'its layer' },
      () => undefined,
    );
    expect(await outcomeOf(storing)).toMatch(/IMAGE_INVALID: .*its layer grows to more than 200 times/);
    expect(written).toBeGreaterThan(0);
    // What lies in one read of the source may still come out.
    expect(written).toBeLessThanOrEqual(Math.max(freeBytes, 200 * size));
    expect(written).toBeLessThan(32 << 20);
    expect(readdirSync(join(layout.folder, 'tmp'))).toEqual([]);
    expect(blobs.list()).toEqual([]);
  });

  it('an archive that is a bomb as a whole is no better', async () => {
    const layout = newLayout({ freeBytes: 8 << 20 });
    const { path } = await bomb(createGzip(), 64);
    expect(await outcomeOf(loadArchive(layout, path))).toMatch(/more than 200 times/);
    expectClean(layout);
  });

  it('what is honestly large, and what compresses well but is small, is taken', async () => {
    const layout = newLayout();
    const { path, diffId } = await bomb(createGzip(), 64);
    const part = { path, offset: 0, size: statSync(path).size };
    const stored = await storeLayer(layout, part, { image: 'large', label: 'its layer' }, () => undefined);
    expect(stored.digest).toBe(diffId);
  });

  it('a layer may have a size of its own and no more', async () => {
    const layout = newLayout({ layerBytes: 4096 });
    expect(await outcomeOf(unpack(layout, [tarOf([{ name: 'a', text: Buffer.alloc(8192, 'x') }])]))).toMatch(
      /larger than 4096 bytes/,
    );
    expectClean(layout);
  });

  it.each<[string, Partial<ImageLimits>, readonly Buffer[], RegExp]>([
    [
      'entries in a layer',
      { entries: 50 },
      [tarOf(Array.from({ length: 51 }, (_, at) => ({ name: `f${at}` })))],
      /more than 50 entries/,
    ],
    [
      'entries in all layers',
      { entries: 50 },
      [30, 30].map((length, layer) => tarOf(Array.from({ length }, (_, at) => ({ name: `f${layer}${at}` })))),
      /more than 50 entries/,
    ],
    [
      'names',
      { nameBytes: 1000 },
      [tarOf(Array.from({ length: 20 }, (_, at) => ({ name: `${'x'.repeat(80)}${at}` })))],
      /longer than 1000 bytes/,
    ],
  ])('an image may have so many %s and no more', async (_, limits, layers, reason) => {
    const layout = newLayout(limits);
    expect(await outcomeOf(unpack(layout, layers))).toMatch(reason);
    expectClean(layout);
  });

  it('a manifest of many megabytes is not read', async () => {
    const layout = newLayout();
    const path = join(folder, 'huge.tar');
    writeFileSync(path, tarOf([{ name: 'manifest.json', text: `[${' '.repeat(5 << 20)}]` }]));
    expect(await outcomeOf(loadArchive(layout, path))).toMatch(/too large/);
  });

  it('an index that names itself ends', async () => {
    const layout = newLayout();
    const path = join(folder, 'self.tar');
    const digest = `sha256:${'0'.repeat(64)}`;
    const index = JSON.stringify({
      manifests: [{ mediaType: 'application/vnd.oci.image.index.v1+json', digest, size: 1 }],
    });
    writeFileSync(
      path,
      tarOf([
        { name: 'index.json', text: index },
        { name: `blobs/sha256/${'0'.repeat(64)}`, text: index },
      ]),
    );
    expect(await outcomeOf(loadArchive(layout, path))).toMatch(/does not match its digest/);
  });

  it('names of an archive that lead round in a circle end', async () => {
    const layout = newLayout();
    mkdirSync(join(folder, 'circle'));
    const path = join(folder, 'circle', 'x.tar');
    writeFileSync(path, tarOf([link('manifest.json', 'a'), link('a', 'manifest.json')]));
    expect(await outcomeOf(loadArchive(layout, path))).toMatch(/"manifest.json" is missing/);
  });
});
