import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { newId, type Id } from '../../model/ids.ts';
import type { InstanceSpec } from '../../model/instance.ts';
import type { Engine, Roots } from '../engine.ts';
import { declarePromises, readToEnd, waitForLog, type Bench } from './bench.ts';
import { program } from './programs.ts';
import type { EngineSubject } from './subject.ts';

/** What an instance has written, and another finds. */
export function declareRoots(subject: EngineSubject): void {
  const promise = declarePromises(subject);

  describe('kept roots', () => {
    promise(
      'gives what an instance wrote to the next with the same root, to no other, and forgets it when told',
      async (bench) => {
        const root = newId();
        await write(bench, root, 'first');
        expect([await read(bench, root), await read(bench, newId()), await read(bench)]).toEqual([
          'first\n',
          'none\n',
          'none\n',
        ]);
        expect(await rootsOf(bench.engine).list()).toContain(root);
        await rootsOf(bench.engine).remove(root);
        await rootsOf(bench.engine).remove(root);
        expect(await rootsOf(bench.engine).list()).not.toContain(root);
        expect(await bench.leftoversOf(root)).toEqual([]);
        expect(await read(bench, root)).toBe('none\n');
      },
      'roots',
    );

    promise(
      'keeps a root across the end of the daemon, also one that an instance lives on meanwhile',
      async (bench) => {
        const [quiet, lived] = [newId(), newId()];
        await write(bench, quiet, 'quiet');
        const spec = bench.spec({
          argv: ['/bin/sh', '-c', 'echo lived > /kept; echo ready; exec sleep 1000'],
          readOnlyRoot: false,
          root: lived,
          streams: 'logs',
        });
        await bench.engine.start(spec);
        await waitForLog(bench.engine, spec.id, 'ready');
        const [adopted] = await bench.reopen();
        expect(adopted?.handle.id).toBe(spec.id);
        await bench.engine.stop(spec.id, 0);
        expect([await read(bench, quiet), await read(bench, lived)]).toEqual(['quiet\n', 'lived\n']);
      },
      'roots',
    );

    promise(
      'tells what in a root is not as in the image',
      async (bench) => {
        const root = newId();
        const { image } = bench.spec({ argv: [] });
        const script = 'mkdir /new; echo x > /new/file; rm /bin/true; echo x > /etc/more';
        await bench.run({ argv: ['/bin/sh', '-c', script], readOnlyRoot: false, root });
        expect(await rootsOf(bench.engine).changes(root, image)).toEqual([
          { path: '/bin', kind: 'modified' },
          { path: '/bin/true', kind: 'deleted' },
          { path: '/etc', kind: 'modified' },
          { path: '/etc/more', kind: 'added' },
          { path: '/new', kind: 'added' },
          { path: '/new/file', kind: 'added' },
        ]);
        expect(await rootsOf(bench.engine).changes(newId(), image)).toEqual([]);
      },
      'roots',
    );

    promise(
      'shows the files of a root that no instance has, and takes others',
      async (bench) => {
        const root = newId();
        const { image } = bench.spec({ argv: [] });
        await write(bench, root, 'from inside');
        const open = await rootsOf(bench.engine).open(root, image);
        expect(readFileSync(join(open.path, 'kept'), 'utf8')).toBe('from inside\n');
        writeFileSync(join(open.path, 'kept'), 'from outside\n');
        await open.close();
        expect(await read(bench, root)).toBe('from outside\n');
        const fresh = await rootsOf(bench.engine).open(newId(), image);
        expect(readFileSync(join(fresh.path, 'bin/sh'))).not.toHaveLength(0);
        await fresh.close();
      },
      'roots',
    );
  });
}

function rootsOf({ roots }: Engine): Roots {
  if (roots === undefined) throw new Error('the engine keeps no roots');
  return roots;
}

async function write(bench: Bench, root: Id, text: string): Promise<void> {
  const argv = ['/bin/sh', '-c', `echo '${text}' > /kept`];
  expect((await bench.run({ argv, readOnlyRoot: false, root })).exit.code).toBe(0);
}

/** Without a root: in a layer of its own. */
async function read(bench: Bench, root?: Id): Promise<string> {
  const spec: Partial<InstanceSpec> = root === undefined ? {} : { root };
  const instance = await bench.start({ argv: program('read', '/kept'), readOnlyRoot: false, ...spec });
  return (await readToEnd(instance)).stdout.toString();
}
