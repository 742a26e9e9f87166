import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLayout } from '../layout/layout.ts';
import { packFolder } from '../pack/pack.ts';
import { writeFiles } from '../testing/images.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { prepareRoot } from '../unpack/root.ts';
import { findLibraries } from './libraries.ts';

// chroot(2) is the proof that nothing of the host is needed; it takes root.
const isRoot = process.getuid?.() === 0;
const folder = temporaryFolder();
const layout = openLayout(join(folder, 'images'));

function pack(name: string, command: readonly string[], include: readonly string[], runtime: 'node' | 'none'): string {
  const request = { reference: name, folder: join(folder, 'app'), command, include, runtime };
  return prepareRoot(layout, packFolder(layout, request, process.execPath), name).rootPath;
}

function runIn(root: string, ...argv: readonly string[]): string {
  return execFileSync('/usr/sbin/chroot', [root, ...argv], {
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/usr/bin:/usr/local/bin' },
  }).trim();
}

describe.runIf(isRoot)('programs of the host in an image, started with the image as their only root', () => {
  writeFiles(join(folder, 'app'), {
    'script.sh': '#!/bin/sh\necho "from $0"\n',
    'main.js': "#!/usr/bin/env node\nconsole.log('env')",
  });

  it('Node runs, with a command that finds it through /usr/bin/env', () => {
    const root = pack('node', ['./main.js'], [], 'node');
    expect(runIn(root, '/usr/local/bin/node', '-e', 'console.log(1, process.version)')).toBe(`1 ${process.version}`);
    expect(runIn(root, '/app/main.js')).toBe('env');
    expect(
      runIn(root, '/usr/local/bin/node', '-p', 'new Date(0).getTimezoneOffset() + crypto.randomUUID().length'),
    ).toBe('36');
  });

  it('a shell script brings its shell', () => {
    const root = pack('script', ['./script.sh'], [], 'none');
    expect(runIn(root, '/app/script.sh')).toBe('from /app/script.sh');
    expect(existsSync(join(root, 'usr/local/bin/node'))).toBe(false);
  });

  it.skipIf(!existsSync('/usr/bin/psql'))(
    'psql is the program and not Debian’s Perl wrapper, and finds its libraries',
    () => {
      const root = pack('psql', ['/usr/bin/psql'], ['/usr/bin/psql'], 'none');
      expect(runIn(root, '/usr/bin/psql', '--version')).toMatch(/^psql \(PostgreSQL\) \d+/);
      expect(lstatSync(join(root, 'usr/bin/psql')).isFile()).toBe(true);
    },
  );
});

describe('the libraries of a program', () => {
  it('are those that ldd names', () => {
    const listed = execFileSync('/usr/bin/ldd', [process.execPath], { encoding: 'utf8' });
    const expected = [...listed.matchAll(/^\s*(?:\S+ => )?(\/\S+)/gm)].map((match) => match[1] ?? '').toSorted();
    const { paths, missing } = findLibraries(process.execPath);
    expect([...paths].filter((path) => !path.includes('libnss_')).toSorted()).toEqual(expected);
    expect(missing).toEqual([]);
  });

  it('are none for what is not a program', () => {
    expect(findLibraries('/etc/passwd')).toEqual({ paths: [], links: [], missing: [] });
  });
});
