import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkArchitecture } from './check.ts';
import { readSources } from './sources.ts';

const src = join(import.meta.dirname, '../../src');

const check = (files: Record<string, string>): readonly string[] => checkArchitecture(new Map(Object.entries(files)));

describe('the architecture check', () => {
  it('passes on the tree as it is', async () => {
    expect(checkArchitecture(await readSources(src))).toEqual([]);
  });

  it('fails when a wrong import is added to the tree', async () => {
    const files = new Map(await readSources(src));
    files.set('gateway/wrong.ts', `\nimport { schedule } from '../tasks/schedule.ts';`);
    const wrong = checkArchitecture(files);
    expect(wrong).toHaveLength(1);
    expect(wrong[0]).toMatch(/^src\/gateway\/wrong\.ts:2 imports tasks\/schedule\.ts: gateway may import /);
  });

  it('fails when it is given no files', () => {
    expect(check({})).toEqual(['Found no source files under src/: nothing was checked']);
  });

  it('fails on a file in a folder that the table does not know', () => {
    expect(check({ 'helpers/strings.ts': '' })[0]).toContain('src/helpers/strings.ts lies in no room');
  });

  it('fails on a circle of folders at any depth, types included', () => {
    const wrong = check({
      'tasks/dispatch.ts': `import type { Row } from './rows/row.ts';`,
      'tasks/rows/row.ts': `export { x } from '../waiting/queue.ts';`,
      'tasks/waiting/queue.ts': `import '../dispatch.ts';`,
    });
    expect(wrong).toEqual(['Folders import one another in a circle: tasks, tasks/rows, tasks/waiting']);
  });

  it('takes a file named like the folder beside it for a part of that folder', () => {
    const wrong = check({
      'engines/engine.ts': '',
      'engines/conformance.ts': `import './conformance/streams.ts';`,
      'engines/conformance/streams.ts': `import '../engine.ts';`,
    });
    expect(wrong).toEqual([]);
  });

  it('takes sub-folders that import one way for no circle', () => {
    const wrong = check({
      'tasks/dispatch.ts': `import './rows/row.ts'; import './waiting/queue.ts';`,
      'tasks/rows/row.ts': `import '../waiting/queue.ts';`,
      'tasks/waiting/queue.ts': '',
    });
    expect(wrong).toEqual([]);
  });
});

describe('who may import whom', () => {
  it.each([
    ['a feature another feature', 'gateway/a.ts', `import '../apps/b.ts'`],
    ['a feature a concrete engine', 'tasks/a.ts', `import '../engines/sandbox/b.ts'`],
    ['an engine another', 'engines/docker/a.ts', `import '../sandbox/b.ts'`],
    ['the contract of engines an engine', 'engines/a.ts', `import './fake/b.ts'`],
    ['a means another', 'store/a.ts', `import '../image/b.ts'`],
    ['a means a feature', 'image/a.ts', `import '../gateway/b.ts'`],
    ['the command line the daemon', 'cli/commands/ps.ts', `import '../../daemon/b.ts'`],
    ['the SDK more of the API than its routes', 'sdk/a.ts', `import '../api/types.ts'`],
    ['the model a module of Node', 'model/a.ts', `import 'node:fs'`],
    ['the model a package', 'model/a.ts', `import 'yaml'`],
    ['anyone but linux koffi', 'engines/sandbox/a.ts', `import 'koffi'`],
    ['anyone something outside src', 'daemon/a.ts', `import '../../scripts/setup.mjs'`],
    ['anyone a computed path', 'daemon/a.ts', `await import(process.argv[2])`],
  ])('refuses %s', (_, file, text) => {
    expect(check({ [file]: text })).toHaveLength(1);
  });

  it.each([
    ['a feature the contract of engines', 'gateway/a.ts', `import '../engines/engine.ts'`],
    ['an engine the contract of engines', 'engines/fake/a.ts', `import '../engine.ts'`],
    [
      'the daemon everything',
      'daemon/a.ts',
      `import '../engines/sandbox/b.ts'; import '../chaos/c.ts'; import '../api/d.ts'`,
    ],
    ['`serve` the daemon', 'cli/commands/serve.ts', `await import('../../daemon/b.ts')`],
    ['the SDK the routes', 'sdk/a.ts', `import '../api/routes.ts'`],
    ['a test the fake engine', 'tasks/a.test.ts', `import '../engines/fake/b.ts'; import 'vitest'`],
    ['linux koffi', 'linux/a.ts', `import 'koffi'`],
  ])('lets %s', (_, file, text) => {
    expect(check({ [file]: text })).toEqual([]);
  });

  it.each([
    ['a re-export', `export { x } from '../tasks/b.ts'`],
    ['a re-export of everything', `export * from '../tasks/b.ts'`],
    ['a type', `import type { X } from '../tasks/b.ts'`],
    ['a type in place', `type X = import('../tasks/b.ts').X`],
    ['a dynamic import', 'void import(`../tasks/b.ts`)'],
    ['a file that is started by path', `new Worker(new URL('../tasks/b.ts', import.meta.url))`],
  ])('sees %s', (_, text) => {
    expect(check({ 'gateway/a.ts': text })[0]).toMatch(/^src\/gateway\/a\.ts:1 imports tasks\/b\.ts/);
  });

  it('does not take comments and strings for imports', () => {
    const text = `// import '../tasks/b.ts'\nexport const text = "import x from '../tasks/b.ts'"; /* import('../tasks/b.ts') */`;
    expect(check({ 'gateway/a.ts': text })).toEqual([]);
  });
});
