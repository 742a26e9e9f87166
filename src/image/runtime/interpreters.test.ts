import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { StoredImage } from '../layout/layout.ts';
import { openLayout } from '../layout/layout.ts';
import { packFolder } from '../pack/pack.ts';
import type { PackRequest } from '../pack/request.ts';
import { writeFiles } from '../testing/images.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { prepareRoot } from '../unpack/root.ts';

// chroot(2) is the proof that nothing of the host is needed; it takes root. Debian's interpreters are in every set-up.
const isRoot = process.getuid?.() === 0;
const folder = temporaryFolder();
let count = 0;

function app(files: Readonly<Record<string, string>>): string {
  count += 1;
  writeFiles(join(folder, `app${count}`), files);
  return join(folder, `app${count}`);
}

const layout = openLayout(join(folder, 'images'));
const packWith = (source: string, request: Partial<PackRequest>, into = layout): StoredImage =>
  packFolder(into, { reference: 'x', folder: source, runtime: 'auto', include: [], ...request }, '/bin/true');

/** Runs a command in the image, with its environment and folder. */
function run(image: StoredImage, ...argv: readonly string[]): { readonly out: string; readonly err: string } {
  const { rootPath, config } = prepareRoot(layout, image, 'x');
  const inApp = ['/bin/sh', '-c', 'cd /app && exec "$@"', 'sh', ...argv];
  const options = { encoding: 'utf8', env: { ...config.env } } as const;
  const { stdout, stderr } = spawnSync('/usr/sbin/chroot', [rootPath, ...inApp], options);
  return { out: stdout, err: stderr };
}

const python = {
  'main.py': [
    'import asyncio, csv, ctypes, decimal, hashlib, json, re, sqlite3, ssl, sys, urllib.request, zlib, zoneinfo',
    'from greeting import hello',
    'total = sqlite3.connect(":memory:").execute("select 1 + 1").fetchone()[0]',
    'print(json.dumps([hello(), total, hashlib.sha256(b"x").hexdigest()[:4], len(sys.argv)]))',
    'print(zoneinfo.ZoneInfo("Europe/Madrid").key, bool(ssl.create_default_context().get_ca_certs()))',
  ].join('\n'),
  'vendor/greeting/__init__.py': 'def hello(): return "vendored"\n',
};

const perl = {
  'main.pl': [
    'use strict; use warnings;',
    'use Data::Dumper; use Digest::SHA qw(sha256_hex); use IO::Socket::INET; use JSON::PP; use List::Util qw(sum);',
    'use POSIX qw(floor); use Time::HiRes; use Encode; use Storable;',
    'use Greeting;',
    'print encode_json([Greeting::hello(), sum(1, 2, 3), substr(sha256_hex("x"), 0, 4), floor(2.5)]), "\\n";',
  ].join('\n'),
  'lib/Greeting.pm': 'package Greeting; sub hello { "vendored" } 1;\n',
};

it.runIf(isRoot)(
  'Python in a packed folder has its library and the folder’s packages, nothing of the host, and starts compiled',
  () => {
    const image = packWith(app(python), { runtime: 'python', include: ['/bin/sh'] });
    const { out, err } = run(image, 'python3', 'main.py', 'argument');
    expect(err).toBe('');
    expect(out).toBe('["vendored", 2, "2d71", 2]\nEurope/Madrid True\n');

    const verbose = run(image, 'python3', '-v', '-c', 'import json, argparse').err;
    for (const name of ['json/__pycache__/__init__', '__pycache__/argparse'])
      expect(verbose).toMatch(new RegExp(`${name}\\.cpython-\\d+\\.pyc matches`));

    const { rootPath } = prepareRoot(layout, image, 'x');
    const library = globSync(join(rootPath, 'usr/lib/python3.*'))[0] ?? '';
    expect(existsSync(join(library, 'os.py'))).toBe(true);
    expect(['test', 'ensurepip', 'idlelib'].filter((name) => existsSync(join(library, name)))).toEqual([]);
    expect(existsSync(join(rootPath, 'usr/lib/python3/dist-packages'))).toBe(false);
  },
);

it.runIf(isRoot)('Perl in a packed folder has its modules and those of the folder, and nothing of the host', () => {
  const image = packWith(app(perl), { runtime: 'perl', include: ['/bin/sh'] });
  const { out, err } = run(image, 'perl', 'main.pl');
  expect(err).toBe('');
  expect(out).toBe('["vendored",6,"2d71",2]\n');
});

it.each([
  ['Python', 'python', python],
  ['Perl', 'perl', perl],
] as const)(
  'a folder for %s is the same image, byte for byte, from another place at another time',
  (_, runtime, files) => {
    const request = { runtime, include: ['/bin/sh'] };
    const again = packWith(app(files), request, openLayout(join(folder, `other-${runtime}`)));
    expect(again.manifestDigest).toBe(packWith(app(files), request).manifestDigest);
  },
);

it.each([
  ['python', { 'x.py': '' }, ['python3', 'x.py'], ['python3', 'x.py']],
  ['python', { 'app.py': '' }, undefined, ['python3', 'app.py']],
  ['perl', { 'x.pl': '' }, ['perl', 'x.pl'], ['perl', 'x.pl']],
  ['perl', { 'main.pl': '' }, undefined, ['perl', 'main.pl']],
] as const)('%s is found by the command, and the command by the folder', (runtime, files, command, expected) => {
  const { config } = packWith(app({ ...files }), command === undefined ? { runtime } : { command }).config;
  expect(config?.Cmd).toEqual(expected);
});
