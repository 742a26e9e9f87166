import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ReadyImage } from '../../model/instance.ts';
import { openLayout } from '../layout/layout.ts';
import { writeFiles } from '../testing/images.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { prepareRoot } from '../unpack/root.ts';
import { packFolder } from './pack.ts';
import type { PackRequest } from './request.ts';

const folder = temporaryFolder();
const layout = openLayout(join(folder, 'images'));
// What the image's Node is does not matter to most promises here, and a real one weighs 120 MB.
const smallRuntime = '/bin/true';
let count = 0;

type Files = Readonly<Record<string, string>>;

function app(files: Files): string {
  count += 1;
  const path = join(folder, `app${count}`);
  mkdirSync(path);
  writeFiles(path, files);
  return path;
}

function pack(source: string, request: Partial<PackRequest> = {}): ReadyImage {
  const whole = { reference: 'test', folder: source, runtime: 'auto', include: [], ...request } as const;
  return prepareRoot(layout, packFolder(layout, whole, smallRuntime), 'test');
}

const isThere = (image: ReadyImage, path: string): boolean =>
  lstatSync(join(image.rootPath, path), { throwIfNoEntry: false }) !== undefined;

const start = { 'package.json': '{"type":"module","scripts":{"start":"node main.ts"}}' };

describe('a packed folder', () => {
  it('is the same image when it is packed again from another place at another time', () => {
    const files = {
      ...start,
      'main.ts': 'const x: number = 1;',
      'b/run.sh': '#!/bin/sh\n',
      'node_modules/a/index.js': '1',
    };
    const [first, second] = [app(files), app(files)];
    utimesSync(join(second, 'main.ts'), 1, 1);
    chmodSync(join(second, 'main.ts'), 0o600);
    chmodSync(join(second, 'b'), 0o700);
    const other = openLayout(join(folder, 'other-images'));
    const request = { reference: 'x', runtime: 'node', include: [] } as const;
    const again = packFolder(other, { ...request, folder: second }, smallRuntime);
    const image = packFolder(layout, { ...request, folder: first }, smallRuntime);
    expect(again.manifestDigest).toBe(image.manifestDigest);
    expect(again.id).toBe(image.id);
  });

  it('is another image when a file differs', () => {
    expect(pack(app({ ...start, 'main.ts': '1' })).id).not.toBe(pack(app({ ...start, 'main.ts': '2' })).id);
  });

  it('runs in /app, in production, with its packages on PATH', () => {
    const { config } = pack(app({ ...start, 'main.ts': '' }), {
      env: { A: 'b' },
      exposedPorts: [8080],
      labels: { l: 'x' },
    });
    expect(config).toMatchObject({ workdir: '/app', user: '', exposedPorts: [8080], labels: { l: 'x' } });
    expect(config.env).toMatchObject({ NODE_ENV: 'production', A: 'b' });
    expect(config.env['PATH']?.split(':')).toEqual(
      expect.arrayContaining(['/app/node_modules/.bin', '/usr/local/bin', '/usr/bin']),
    );
  });

  it('has everything but .git and what .minkeignore names', () => {
    const files = {
      '.minkeignore': '*.log\n/secret/\n',
      '.git/HEAD': '',
      'a.log': '',
      'deep/b.log': '',
      'secret/key': '',
      'deep/kept': '',
    };
    const image = pack(app({ ...start, 'main.ts': '', ...files }));
    const left = ['.git', 'a.log', 'deep/b.log', 'secret'].filter((path) => isThere(image, `app/${path}`));
    expect(left).toEqual([]);
    expect(isThere(image, 'app/deep/kept')).toBe(true);
  });

  it('has accounts, certificates and zone data', () => {
    const image = pack(app({ ...start, 'main.ts': '' }));
    expect(readFileSync(join(image.rootPath, 'etc/passwd'), 'utf8')).toMatch(
      /^root:x:0:0:[^]*^node:x:1000:1000:[^]*^nobody:/m,
    );
    expect(isThere(image, 'etc/group') && isThere(image, 'etc/nsswitch.conf')).toBe(true);
  });
});

describe('the command of a packed folder', () => {
  it.each<[string, Files, readonly string[] | undefined, readonly string[]]>([
    ['is the app file’s', { ...start, 'a.js': '' }, ['node', 'a.js', '--x'], ['node', 'a.js', '--x']],
    ['is else `start` of package.json', { ...start, 'main.ts': '' }, undefined, ['node', 'main.js']],
    ['is else its `main`', { 'package.json': '{"main":"lib/x.mts"}', 'lib/x.mts': '' }, [], ['node', 'lib/x.mjs']],
    ['is else index.js', { 'package.json': '{}', 'index.js': '' }, undefined, ['node', 'index.js']],
    [
      'goes through a shell where `start` needs one',
      { 'package.json': '{"scripts":{"start":"A=1 node x.js && true"}}' },
      undefined,
      ['/bin/sh', '-c', 'A=1 node x.js && true'],
    ],
    [
      'names a stripped file by its new name',
      { 'x.ts': '' },
      ['node', './x.ts', '/app/x.ts', 'y.ts'],
      ['node', './x.js', '/app/x.js', 'y.ts'],
    ],
  ])('%s', (_, files, command, expected) => {
    const image = pack(app(files), command === undefined ? {} : { command });
    expect(image.config.command).toEqual(expected);
  });
});

describe('the entrypoint of a packed folder', () => {
  const files = { ...start, 'main.ts': '' };

  it('is empty, unless the command is to be it: then arguments come after it', () => {
    expect(pack(app(files)).config.entrypoint).toEqual([]);
    const { config } = pack(app(files), { asEntrypoint: true });
    expect([config.entrypoint, config.command]).toEqual([['node', 'main.js'], []]);
  });

  it('is the app file’s, with the command as it is', () => {
    const { config } = pack(app(files), { entrypoint: ['node', 'main.ts'], command: ['--x'] });
    expect([config.entrypoint, config.command]).toEqual([['node', 'main.js'], ['--x']]);
  });
});

describe('TypeScript in a packed folder', () => {
  it('becomes JavaScript that its old names lead to; packages stay as they are', () => {
    const image = pack(
      app({ ...start, 'main.ts': 'const x: number = 1;', 'node_modules/a/a.ts': 'let y: string;', 'types.d.ts': '' }),
    );
    expect(readFileSync(join(image.rootPath, 'app/main.js'), 'utf8').replaceAll(/\s+/g, ' ')).toBe('const x = 1;');
    expect(readlinkSync(join(image.rootPath, 'app/main.ts'))).toBe('main.js');
    expect(readFileSync(join(image.rootPath, 'app/node_modules/a/a.ts'), 'utf8')).toBe('let y: string;');
    expect(isThere(image, 'app/types.d.ts')).toBe(false);
  });

  it('does not replace JavaScript that lies beside it', () => {
    const image = pack(app({ ...start, 'main.ts': 'const x: number = 1;', 'main.js': 'kept' }));
    expect(readFileSync(join(image.rootPath, 'app/main.js'), 'utf8')).toBe('kept');
    expect(image.config.command).toEqual(['node', 'main.ts.js']);
  });

  it('runs: imports of ./x.ts, a worker by URL, and a folder of minke’s own as a package', () => {
    const source = app({
      ...start,
      'main.ts': [
        "import { helper } from './lib/helper.ts';",
        "import { hello } from 'own';",
        "const late: { n: number } = await import('./lib/late.ts');",
        "import { Worker } from 'node:worker_threads';",
        "new Worker(new URL('./lib/worker.ts', import.meta.url)).on('message', (m: string) => console.log(helper, late.n, hello, m));",
      ].join('\n'),
      'lib/helper.ts': 'export const helper = "h" as const;',
      'lib/late.ts': 'export const n: number = 2;',
      'lib/worker.ts': "import { parentPort } from 'node:worker_threads'; parentPort!.postMessage('w');",
    });
    const own = app({
      'index.ts': "export { hello } from './deep/hello.ts';",
      'deep/hello.ts': 'export const hello: string = "o";',
      'x.test.ts': '',
    });
    const image = pack(source, {
      extra: [
        { targetPath: 'node_modules/own', sourceFolder: own },
        { targetPath: 'node_modules/own/package.json', text: '{"type":"module","exports":"./index.js"}' },
      ],
    });
    const [, ...args] = image.config.command;
    const output = execFileSync(process.execPath, ['--no-strip-types', ...args], {
      cwd: join(image.rootPath, 'app'),
      encoding: 'utf8',
    });
    expect(output).toBe('h 2 o w\n');
    expect(isThere(image, 'app/node_modules/own/x.test.ts')).toBe(false);
  });
});

describe('a folder that cannot be packed', () => {
  const link = (target: string, path = 'link'): string => {
    const source = app({ ...start, 'main.ts': '' });
    mkdirSync(join(source, path, '..'), { recursive: true });
    symlinkSync(target, join(source, path));
    return source;
  };
  it.each<[string, () => string, Partial<PackRequest>, string, string]>([
    ['is not there', () => join(folder, 'none'), {}, 'no such folder', 'build:'],
    ['does not say what to run', () => app({ 'package.json': '{}' }), {}, 'does not say what to run', 'command:'],
    ['has a broken package.json', () => app({ 'package.json': '{' }), {}, 'package.json is not JSON', 'package.json'],
    [
      'has TypeScript that cannot be stripped',
      () => app({ ...start, 'main.ts': 'enum A { b }' }),
      {},
      'main.ts cannot be stripped',
      'no enum',
    ],
    [
      'runs what is not in it',
      () => app({}),
      { command: ['./none.sh'] },
      '"./none.sh" would not be in the image',
      'relative to the folder',
    ],
    [
      'runs a host program without including it',
      () => app({}),
      { command: ['tail', '-f'] },
      '"tail" would not',
      'include: [/usr/bin/tail]',
    ],
    [
      'runs a file that is not executable',
      () => app({ 'x.sh': '' }),
      { command: ['./x.sh'] },
      'not executable',
      'chmod +x',
    ],
    ['links to the outside', () => link('/etc/passwd'), {}, 'link to /etc/passwd, outside the folder', '.minkeignore'],
    [
      'links to the outside with ..',
      () => link('../../x', 'a/link'),
      {},
      'a/link is a link to ../../x',
      '.minkeignore',
    ],
    [
      'links a package',
      () => link('../../own', 'node_modules/own'),
      {},
      'node_modules/own is a link',
      'Install the package',
    ],
    [
      'includes what is not there',
      () => app(start),
      { include: ['/none'] },
      '"/none" in include is not on this machine',
      'Install',
    ],
    ['includes a relative path', () => app(start), { include: ['psql'] }, 'not an absolute path', 'full path'],
  ])('%s: the error says so and what mends it', (_, source, request, reason, mend) => {
    expect(() => pack(source(), request)).toThrow(
      expect.objectContaining({
        code: 'PACK_FAILED',
        message: expect.stringContaining(reason),
        hint: expect.stringContaining(mend),
      }),
    );
  });
});
