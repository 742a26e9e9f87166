import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync, type Dirent } from 'node:fs';
import { isAbsolute, join, posix } from 'node:path';
import { createTree, type Tree } from '../layout/tree.ts';
import { fileMode, programMode } from '../runtime/host-path.ts';
import type { Fail } from '../runtime/include.ts';
import { parseIgnore, type IsIgnored } from './ignore.ts';
import { addStripped, isDeclaration, strippedName } from './strip-types.ts';

/** The folder's files as they lie in the image; packages apart, since they change less often than the app. */
export interface AppTrees {
  readonly app: Tree;
  readonly modules: Tree;
}

/** Where the app lies in the image. */
export const appFolder = 'app';

/** Everything in the folder that .minkeignore does not name; the app's own TypeScript stripped. */
export function readAppTrees(folder: string, fail: Fail): AppTrees {
  const trees = { app: createTree(), modules: createTree() };
  trees.app.set(appFolder, { type: 'folder', mode: 0o755 });
  const path = join(folder, '.minkeignore');
  const isIgnored = parseIgnore(`.git\n${existsSync(path) ? readFileSync(path, 'utf8') : ''}`);
  const walk = createWalk({ source: folder, target: appFolder, isIgnored, fail });
  walk('', (relative) => (isPackage(relative) ? trees.modules : trees.app));
  return trees;
}

/** A folder of minke's own: all TypeScript stripped, tests and declarations left out. */
export function addExtraFolder(tree: Tree, source: string, target: string, fail: Fail): void {
  const isIgnored = parseIgnore('*.test.ts\nnode_modules\n');
  createWalk({ source, target, isIgnored, fail, stripsAll: true })('', () => tree);
}

interface Walk {
  readonly source: string;
  readonly target: string;
  readonly isIgnored: IsIgnored;
  readonly fail: Fail;
  /** Node strips nothing under node_modules, so there minke does it where it is minke's own. */
  readonly stripsAll?: boolean;
}

type TreeOf = (relative: string) => Tree;

function createWalk(options: Walk): (relative: string, treeOf: TreeOf) => void {
  const walk = (relative: string, treeOf: TreeOf): void => {
    for (const entry of readdirSync(join(options.source, relative), { withFileTypes: true })) {
      const path = posix.join(relative, entry.name);
      if (options.isIgnored(path, entry.isDirectory())) continue;
      if (!entry.isDirectory()) addEntry(options, treeOf(path), path, entry);
      else {
        treeOf(path).set(posix.join(options.target, path), { type: 'folder', mode: 0o755 });
        walk(path, treeOf);
      }
    }
  };
  return walk;
}

const isPackage = (path: string): boolean => path.split('/').includes('node_modules');

function addEntry(options: Walk, tree: Tree, path: string, entry: Dirent): void {
  const { source, target, fail } = options;
  const name = posix.join(target, path);
  if (entry.isSymbolicLink()) return addLink(options, tree, path);
  if (!entry.isFile()) return fail(`${path} is neither a file, a folder nor a link`, 'Name it in .minkeignore.');
  const strips = options.stripsAll === true || !isPackage(path);
  if (strips && isDeclaration(path)) return undefined;
  const stripped = strips ? strippedName(path, (other) => existsSync(join(source, other))) : undefined;
  if (stripped !== undefined) return addStripped(tree, join(source, path), name, posix.join(target, stripped), fail);
  const { mode } = lstatSync(join(source, path));
  tree.set(name, {
    type: 'file',
    mode: (mode & 0o111) === 0 ? fileMode : programMode,
    content: { path: join(source, path) },
  });
}

/** Links stay links as long as they lead to something that is packed with them. */
function addLink({ source, target, fail }: Walk, tree: Tree, path: string): void {
  const text = readlinkSync(join(source, path));
  const leadsTo = posix.normalize(posix.join(posix.dirname(path), text));
  if (isAbsolute(text) || leadsTo === '..' || leadsTo.startsWith('../')) {
    const mend = isPackage(path)
      ? 'Install the package instead of linking it.'
      : 'Copy what it leads to, or name it in .minkeignore.';
    fail(`${path} is a link to ${text}, outside the folder`, mend);
  }
  tree.set(posix.join(target, path), { type: 'symlink', target: text });
}
