import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLayout } from '../layout/layout.ts';
import { addImage, type ShortEntry } from '../testing/images.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { prepareRoot } from './root.ts';

const folder = temporaryFolder();
const layout = openLayout(join(folder, 'images'));
let count = 0;

function unpack(...layers: readonly (readonly ShortEntry[])[]): string {
  count += 1;
  const image = addImage(layout, `test:${count}`, layers);
  return prepareRoot(layout, image, `test:${count}`).rootPath;
}

const read = (root: string, path: string): string => readFileSync(join(root, path), 'utf8');
const isThere = (root: string, path: string): boolean =>
  lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined;

describe('an unpacked image', () => {
  it('has each file with its mode, owner and date, and each link as it was', () => {
    const root = unpack([
      { name: './bin/tool', text: 'tool', mode: 0o4755, uid: 7, gid: 8, mtimeSeconds: 1000 },
      { name: 'tool', type: 'symlink', linkName: '/bin/tool' },
      { name: 'other', type: 'hardlink', linkName: './bin/tool' },
      { name: 'open', type: 'folder', mode: 0o1777 },
    ]);
    const stats = statSync(join(root, 'bin/tool'));
    expect([stats.mode & 0o7777, stats.mtimeMs]).toEqual([0o4755, 1_000_000]);
    const owner = process.getuid?.() === 0 ? [7, 8] : [process.getuid?.(), process.getgid?.()];
    expect([stats.uid, stats.gid]).toEqual(owner);
    expect(readlinkSync(join(root, 'tool'))).toBe('/bin/tool');
    expect(statSync(join(root, 'other')).ino).toBe(stats.ino);
    expect(statSync(join(root, 'open')).mode & 0o7777).toBe(0o1777);
  });

  it('has what a container mounts over, its work folder and its volumes', () => {
    const config = { WorkingDir: '/srv/app', Volumes: { '/data': {} } };
    const image = addImage(
      layout,
      'mounts',
      [[{ name: 'etc/resolv.conf', type: 'symlink', linkName: '/run/x' }]],
      config,
    );
    const root = prepareRoot(layout, image, 'mounts').rootPath;
    const folders = ['proc', 'sys', 'dev', 'run/minke', 'run/secrets', 'srv/app', 'data'];
    expect(folders.filter((path) => !statSync(join(root, path)).isDirectory())).toEqual([]);
    expect(['tmp', 'var/tmp'].map((path) => statSync(join(root, path)).mode & 0o7777)).toEqual([0o1777, 0o1777]);
    const files = ['etc/hosts', 'etc/resolv.conf', 'etc/hostname'];
    expect(files.filter((path) => !lstatSync(join(root, path)).isFile())).toEqual([]);
  });

  it('shares the files of a common layer with other images, on disk', () => {
    const base: ShortEntry[] = [{ name: 'big', text: 'content' }];
    const first = unpack(base, [{ name: 'a', text: 'a' }]);
    const second = unpack(base, [{ name: 'b', text: 'b' }]);
    expect(statSync(join(first, 'big')).ino).toBe(statSync(join(second, 'big')).ino);
  });

  it('hides what a later layer whites out, but nothing of that layer itself', () => {
    const root = unpack(
      [
        { name: 'a/old', text: 'old' },
        { name: 'a/sub/old', text: 'old' },
        { name: 'b/gone', text: 'old' },
        { name: 'b/stays', text: 'old' },
        { name: 'c/file', text: 'old' },
      ],
      [
        { name: 'a/sub/new', text: 'new' },
        { name: 'a/.wh..wh..opq' },
        { name: 'b/.wh.gone' },
        { name: '.wh.c' },
        { name: 'd', text: 'new' },
        { name: '.wh.d' },
      ],
    );
    expect(['a/old', 'a/sub/old', 'b/gone', 'c', '.wh.c', 'b/.wh.gone'].filter((path) => isThere(root, path))).toEqual(
      [],
    );
    expect(['a/sub/new', 'b/stays', 'd'].filter((path) => !isThere(root, path))).toEqual([]);
  });

  it('lets a later layer replace a folder by a file, a file by a folder, and merges folders', () => {
    const root = unpack(
      [
        { name: 'x/file', text: '1' },
        { name: 'y', text: '1' },
        { name: 'z/one', text: '1' },
      ],
      [
        { name: 'x', text: 'file' },
        { name: 'y', type: 'folder', mode: 0o700 },
        { name: 'y/file', text: '2' },
        { name: 'z', type: 'folder', mode: 0o711 },
        { name: 'z/two', text: '2' },
      ],
    );
    expect([read(root, 'x'), read(root, 'y/file'), read(root, 'z/one'), read(root, 'z/two')]).toEqual([
      'file',
      '2',
      '1',
      '2',
    ]);
    expect(statSync(join(root, 'z')).mode & 0o777).toBe(0o711);
  });

  it('follows a link of a lower layer within the image, as a merged /usr needs it', () => {
    const root = unpack(
      [
        { name: 'usr/lib', type: 'folder', mode: 0o755 },
        { name: 'lib', type: 'symlink', linkName: 'usr/lib' },
        { name: 'var/run', type: 'symlink', linkName: '/run' },
      ],
      [
        { name: 'lib/libz.so', text: 'z' },
        { name: 'var/run/pid', text: '1' },
      ],
    );
    expect([read(root, 'usr/lib/libz.so'), read(root, 'run/pid')]).toEqual(['z', '1']);
    expect(readlinkSync(join(root, 'lib'))).toBe('usr/lib');
  });
});

describe('a hostile image is refused and leaves nothing behind', () => {
  const outside = join(folder, 'outside');
  const cases: readonly (readonly [string, readonly ShortEntry[], RegExp])[] = [
    ['a name with ..', [{ name: '../../outside', text: 'x' }], /leads out of the image/],
    ['a name with .. inside', [{ name: 'a/../../outside', text: 'x' }], /leads out of the image/],
    ['an absolute name', [{ name: outside, text: 'x' }], /absolute name/],
    [
      'a file written through a link that climbs out',
      [
        { name: 'a', type: 'symlink', linkName: '../../..' },
        { name: 'a/outside', text: 'x' },
      ],
      /leads out of the image through a link/,
    ],
    [
      'a folder made through a chain of links that climbs out',
      [
        { name: 'a', type: 'folder' },
        { name: 'a/b', type: 'symlink', linkName: '../..' },
        { name: 'c', type: 'symlink', linkName: 'a/b' },
        { name: 'c/outside', type: 'folder' },
      ],
      /leads out of the image through a link/,
    ],
    [
      'a mount point behind a link that climbs out',
      [{ name: 'etc', type: 'symlink', linkName: '../..' }],
      /leads out of the image/,
    ],
    [
      'a hard link to the outside',
      [{ name: 'a', type: 'hardlink', linkName: '../../outside' }],
      /leads out of the image/,
    ],
    ['a hard link to an absolute path', [{ name: 'a', type: 'hardlink', linkName: '/etc/shadow' }], /absolute name/],
    [
      'a hard link through a link that climbs out',
      [
        { name: 'a', type: 'symlink', linkName: '../..' },
        { name: 'b', type: 'hardlink', linkName: 'a/index.json' },
      ],
      /leads out of the image/,
    ],
    ['a hard link to nothing', [{ name: 'a', type: 'hardlink', linkName: 'missing' }], /no file in it/],
    ['a loop of links', [{ name: 'a', type: 'symlink', linkName: 'a' }, { name: 'a/b' }], /loop of links/],
    ['a device node', [{ name: 'dev/sda', type: 'device' }], /device node/],
    ['a FIFO', [{ name: 'pipe', type: 'fifo' }], /FIFO/],
    ['a whiteout of ..', [{ name: 'a/.wh...' }], /hides no name/],
    ['a file below a file', [{ name: 'a' }, { name: 'a/b' }], /under another file/],
  ];

  it.each(cases)('%s', (_, entries, reason) => {
    const before = readdirSync(folder);
    expect(() => unpack(entries)).toThrow(reason);
    expect(readdirSync(folder)).toEqual(before);
    expect(existsSync(outside)).toBe(false);
    expect(existsSync(join(layout.folder, 'outside'))).toBe(false);
  });

  it('an absolute link leads to the root of the image, never to that of the host', () => {
    const root = unpack([
      { name: 'host', type: 'symlink', linkName: folder },
      { name: 'host/inside', text: 'x' },
    ]);
    expect(existsSync(join(folder, 'inside'))).toBe(false);
    expect(read(root, join(folder, 'inside'))).toBe('x');
  });

  it('a layer whose content was changed on disk', () => {
    const image = addImage(layout, 'changed', [[{ name: 'file', text: 'right' }]]);
    const path = layout.blobs.pathOf(image.manifest.layers[0]!.digest);
    writeFileSync(path, readFileSync(path, 'latin1').replace('right', 'wrong'), 'latin1');
    expect(() => prepareRoot(layout, image, 'changed')).toThrow('does not match its digest');
  });

  it('leaves no half-made root or layer', () => {
    expect(() =>
      unpack([
        { name: 'good', text: 'x' },
        { name: 'dev/sda', type: 'device' },
      ]),
    ).toThrow('device node');
    expect(readdirSync(join(layout.folder, 'tmp'))).toEqual([]);
  });
});
