import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createTree, type FileContent } from '../layout/tree.ts';
import { addHostPath } from './host-path.ts';
import { addLibraries, type Fail } from './include.ts';
import type { Runtime } from './runtime.ts';
import { certificates } from './skeleton.ts';
import { addStandardLibrary } from './standard-library.ts';

/** The system's Python with its standard library; none of the packages that were installed beside it. */
export function pythonRuntime(fail: Fail): Runtime {
  const program = ['/usr/bin/python3', '/usr/local/bin/python3'].find((path) => existsSync(path));
  if (program === undefined)
    return fail('its runtime is Python, which is not on this machine', 'Install it: apt-get install python3');
  const tree = createTree();
  const real = addHostPath(tree, program);
  addLibraries(tree, real, fail);
  const version = basename(realpathSync(real));
  const folders = ['lib', 'lib64'].map((name) => join(dirname(dirname(real)), name, version));
  const found = folders.filter(
    (folder) => existsSync(join(folder, 'os.py')) || existsSync(join(folder, 'lib-dynload')),
  );
  if (!found.some((folder) => existsSync(join(folder, 'os.py'))))
    return fail(`the standard library of ${version} is not on this machine`, 'Install it: apt-get install python3');
  const rules = { leavesOut: (name: string) => leftOut.has(name) || name.startsWith('config-'), rewrite: withoutDate };
  for (const folder of found) addStandardLibrary(tree, folder, rules, fail);
  return {
    tree,
    environment: (source) => {
      const places = ['vendor', 'site-packages', join('.venv', 'lib', version, 'site-packages')];
      const own = places.filter((place) => existsSync(join(source, place))).map((place) => `/app/${place}`);
      return {
        PYTHONDONTWRITEBYTECODE: '1',
        ...certificates,
        ...(own.length === 0 ? {} : { PYTHONPATH: own.join(':') }),
      };
    },
  };
}

/** Tests, windows, installers, and where a distribution puts packages of its own. */
const leftOut: ReadonlySet<string> = new Set(
  [
    'test tests idlelib tkinter turtledemo turtle.py ensurepip lib2to3 pydoc_data',
    'dist-packages site-packages EXTERNALLY-MANAGED',
  ].flatMap((line) => line.split(' ')),
);

/**
 * A compiled module says when its source was changed (PEP 552: magic, flags, date, size; 4 bytes each), and in an image all
 * dates are 1970. With that date it is valid there, which saves the compiler on each start; one that is stale stays out.
 */
function withoutDate(path: string): FileContent | undefined | 'skip' {
  if (!path.endsWith('.pyc')) return undefined;
  const source = sourceOf(path);
  if (source === undefined) return 'skip';
  const bytes = readFileSync(path);
  const stats = statSync(source);
  const [flags, date, size] = [4, 8, 12].map((offset) => (bytes.length < 16 ? -1 : bytes.readUInt32LE(offset)));
  const isValid = flags === 0 && date === Math.floor(stats.mtimeMs / 1000) && size === stats.size;
  if (!isValid) return 'skip';
  bytes.writeUInt32LE(0, 8);
  return { bytes };
}

/** `x/__pycache__/os.cpython-311.pyc` comes from `x/os.py`. */
function sourceOf(path: string): string | undefined {
  const name = basename(path).replace(/\.[^.]+\.pyc$/, '.py');
  const source = join(dirname(dirname(path)), name);
  return basename(dirname(path)) === '__pycache__' && existsSync(source) ? source : undefined;
}
