import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { declarePromises, readToEnd, waitForText, type Bench } from './bench.ts';
import { program } from './programs.ts';
import type { EngineSubject } from './subject.ts';

const mebibyte = 2 ** 20;

/** What an instance cannot see, touch or use up. */
export function declareContainment(subject: EngineSubject): void {
  const promise = declarePromises(subject);

  describe('files', () => {
    promise(
      'are its own: two at once do not see what the other writes',
      (bench) => expectOwnFile(bench, '/tmp/mine', true),
      'files',
    );

    promise('are its own in a writable root as well', (bench) => expectOwnFile(bench, '/mine', false), 'files');

    promise(
      'are gone with it: the image stays as it was',
      async (bench) => {
        await bench.run({ argv: program('can-write', '/trace'), readOnlyRoot: false });
        const { stdout } = await bench.run({ argv: program('read', '/trace'), readOnlyRoot: false });
        expect(stdout.toString()).toBe('none\n');
      },
      'files',
    );

    promise(
      'are written only where the spec says so',
      async (bench) => {
        const writes = async (path: string): Promise<string> => {
          const { stdout } = await bench.run({
            argv: program('can-write', path),
            readOnlyRoot: true,
            tmpBytes: mebibyte,
          });
          return stdout.toString().trim();
        };
        expect([await writes('/trace'), await writes('/tmp/trace')]).toEqual(['no', 'yes']);
      },
      'files',
    );

    promise(
      'of the host appear where they are mounted, and a read-only mount is one',
      async (bench) => {
        await writeFile(join(bench.sharedFolder, 'given'), 'from the host\n');
        const readOnly = { ...bench.sharedMount, readOnly: true };
        const seen = await bench.run({ argv: program('read', '/shared/given'), mounts: [readOnly] });
        expect(seen.stdout.toString()).toBe('from the host\n');
        const refused = await bench.run({ argv: program('can-write', '/shared/taken'), mounts: [readOnly] });
        expect(refused.stdout.toString()).toBe('no\n');
        const allowed = await bench.run({ argv: program('can-write', '/shared/taken'), mounts: [bench.sharedMount] });
        expect(allowed.stdout.toString()).toBe('yes\n');
        expect(await readFile(join(bench.sharedFolder, 'taken'), 'utf8')).toBe('x\n');
      },
      'files',
    );
  });

  promise(
    'a device of the host is refused, even through a node of its own making',
    async (bench) => {
      const open = async (major: number, minor: number): Promise<string> => {
        const argv = program('device', String(major), String(minor));
        const { stdout } = await bench.run({ argv, readOnlyRoot: false, capAdd: ['MKNOD'] });
        return stdout.toString();
      };
      // /dev/kmsg, which anybody may open for writing, and /dev/null.
      expect([await open(1, 11), await open(1, 3)]).toEqual(['refused\n', 'open\n']);
    },
    'isolation',
  );

  describe('processes', () => {
    promise(
      'of others are out of sight',
      async (bench) => {
        await bench.start({ argv: program('stubborn') });
        const { stdout } = await bench.run({ argv: program('processes') });
        expect(stdout.toString()).toBe('1\n1\n');
      },
      'isolation',
    );

    promise(
      'beyond the limit are refused, and the cause is told',
      async (bench) => {
        const { exit } = await bench.run({ argv: program('bomb'), limits: { memoryBytes: 0, pids: 16, cpus: 0 } });
        expect(exit.code).not.toBe(0);
        expect(exit.cause).toBe('pids-limit');
      },
      'pids-limit',
    );
  });

  describe('memory', () => {
    promise(
      'beyond the limit ends the instance, and the cause is told',
      async (bench) => {
        const { exit } = await bench.run({
          argv: program('hog'),
          limits: { memoryBytes: 32 * mebibyte, pids: 16, cpus: 0 },
        });
        expect(exit).toMatchObject({ code: 137, cause: 'out-of-memory' });
      },
      'memory-limit',
    );
  });
}

async function expectOwnFile(bench: Bench, path: string, readOnlyRoot: boolean): Promise<void> {
  const names = ['left', 'right'];
  const pair = await Promise.all(
    names.map((name) =>
      bench.start({ argv: program('keep', name, path), stdin: 'open', tmpBytes: mebibyte, readOnlyRoot }),
    ),
  );
  await Promise.all(pair.map(({ stdout }) => waitForText(stdout, 'ready\n')));
  for (const { stdin } of pair) stdin?.end('go\n');
  const ended = await Promise.all(pair.map(readToEnd));
  expect(ended.map(({ stdout }) => stdout.toString())).toEqual(['left\n', 'right\n']);
}
