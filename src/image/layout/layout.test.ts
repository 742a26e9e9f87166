import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { addImage } from '../testing/images.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { digestOf } from './digest.ts';
import { openLayout, type Layout } from './layout.ts';

const folder = temporaryFolder();
let layout: Layout;
let count = 0;

beforeEach(() => {
  count += 1;
  layout = openLayout(join(folder, String(count)));
});

const one = [[{ name: 'one', text: '1' }]];
const two = [[{ name: 'two', text: '2' }]];

describe('an image layout', () => {
  it('finds an image by every spelling of its name, by id and by the first digits of it', () => {
    const { id, manifestDigest } = addImage(layout, 'busybox', one);
    const spellings = [
      'busybox',
      'busybox:latest',
      'docker.io/library/busybox:latest',
      id,
      id.slice(7),
      id.slice(7, 19),
    ];
    for (const text of [...spellings, `busybox@${manifestDigest}`]) expect(layout.resolve(text)?.id).toBe(id);
    for (const text of ['busybox:1', 'other', 'f'.repeat(12), 'busybox@sha256:'.padEnd(79, '0')]) {
      expect(layout.resolve(text)).toBeUndefined();
    }
  });

  it('is what other programs read: oci-layout, index.json with names, blobs by digest', () => {
    const image = addImage(layout, 'acme/api:v1', one);
    const index = JSON.parse(readFileSync(join(layout.folder, 'index.json'), 'utf8')) as { manifests: unknown[] };
    expect(index.manifests).toEqual([
      expect.objectContaining({
        digest: image.manifestDigest,
        annotations: {
          'io.containerd.image.name': 'docker.io/acme/api:v1',
          'org.opencontainers.image.ref.name': 'v1',
        },
      }),
    ]);
    expect(JSON.parse(readFileSync(join(layout.folder, 'oci-layout'), 'utf8'))).toEqual({
      imageLayoutVersion: '1.0.0',
    });
    for (const name of readdirSync(join(layout.folder, 'blobs', 'sha256'))) {
      expect(digestOf(readFileSync(join(layout.folder, 'blobs', 'sha256', name)))).toBe(`sha256:${name}`);
    }
  });

  it('keeps an image whose name went to another, findable by id', () => {
    const first = addImage(layout, 'app', one);
    const second = addImage(layout, 'app', two);
    expect(layout.resolve('app')?.id).toBe(second.id);
    expect(layout.resolve(first.id)?.names).toEqual([]);
  });

  it('lists an image once, however often it was added and however many names it has', () => {
    const image = addImage(layout, 'app', one);
    addImage(layout, 'app', one);
    layout.tag(image.id, 'app:v2');
    expect(layout.list().map(({ names }) => names)).toEqual([
      ['docker.io/library/app:latest', 'docker.io/library/app:v2'],
    ]);
  });

  it('removes one name of several, and with the last the image', () => {
    const image = addImage(layout, 'app', one);
    layout.tag(image.id, 'app:v2');
    expect(layout.remove('app')).toBe(true);
    expect(layout.resolve('app')).toBeUndefined();
    expect(layout.resolve('app:v2')?.id).toBe(image.id);
    expect(layout.remove('app:v2')).toBe(true);
    expect(layout.list()).toEqual([]);
    expect(layout.remove('app:v2')).toBe(false);
  });

  it('is found again when it is opened anew, without what a killed process left half-made', () => {
    const image = addImage(layout, 'app', one);
    const left = join(layout.folder, 'tmp', '4194305-dead');
    mkdirSync(left);
    const again = openLayout(layout.folder);
    expect(again.resolve('app')).toEqual(image);
    expect(existsSync(left)).toBe(false);
  });

  it('refuses a config whose content is not that of its digest', () => {
    const { id } = addImage(layout, 'app', one);
    writeFileSync(layout.blobs.pathOf(id), '{}');
    expect(() => openLayout(layout.folder).resolve('app')).toThrow('does not match its digest');
  });
});
