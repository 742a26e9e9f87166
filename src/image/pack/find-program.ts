import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import type { Tree, TreeNode } from '../layout/tree.ts';
import { includeHostPath, interpreterOf, type Fail } from '../runtime/include.ts';
import { appFolder } from './app-tree.ts';

/** Folders of PATH in a packed image, in order. */
export const searchPath = [
  '/app/node_modules/.bin',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

/**
 * Makes sure that the command's program will be found in the image. A shell comes along by itself (into `included`) when the
 * command is one or is a script for one; anything else that is missing is PACK_FAILED here instead of a failed start later.
 */
export function ensureProgram(program: string, trees: readonly Tree[], included: Tree, fail: Fail): void {
  const isShell = ['sh', '/bin/sh', '/usr/bin/sh'].includes(program);
  if (isShell) includeHostPath(included, '/bin/sh', fail);
  const found = findNode(program, [...trees, included]);
  if (found === undefined) {
    const mend =
      program.includes('/') && !program.startsWith('/')
        ? 'Paths in command: are relative to the folder.'
        : mendFor(program);
    return fail(`its command "${program}" would not be in the image`, mend);
  }
  if (found.type !== 'file' || !('path' in found.content)) return undefined;
  if ((found.mode & 0o111) === 0)
    return fail(`its command "${program}" is not executable`, `chmod +x ${found.content.path}`);
  for (const interpreter of interpreterOf(found.content.path)) addInterpreter(interpreter, trees, included, fail);
}

function addInterpreter(interpreter: string, trees: readonly Tree[], included: Tree, fail: Fail): void {
  if (findNode(interpreter, [...trees, included]) !== undefined) return;
  const host = interpreter.startsWith('/') ? interpreter : `/usr/bin/${interpreter}`;
  includeHostPath(included, host, fail);
}

function mendFor(program: string): string {
  const paths = program.startsWith('/')
    ? [program]
    : ['/usr/local/bin', '/usr/bin', '/usr/sbin'].map((folder) => `${folder}/${program}`);
  const path = paths.find((one) => existsSync(one));
  return path === undefined
    ? 'Name a program that is in the folder or in x-minke.pack.include.'
    : `Add it: x-minke.pack.include: [${path}]`;
}

function findNode(program: string, trees: readonly Tree[]): TreeNode | undefined {
  const paths = program.includes('/')
    ? [posix.resolve(`/${appFolder}`, program)]
    : searchPath.map((folder) => `${folder}/${program}`);
  return paths.map((path) => follow(path.slice(1), trees, 0)).find((node) => node !== undefined);
}

/** The node at the path with links on the way followed, through all trees as if they were one. */
function follow(path: string, trees: readonly Tree[], links: number): TreeNode | undefined {
  if (links > 40) return undefined;
  const parts = path.split('/');
  for (let count = 1; count <= parts.length; count += 1) {
    const prefix = parts.slice(0, count).join('/');
    const node = trees.map((tree) => tree.nodes.get(prefix)).findLast((one) => one !== undefined);
    if (node?.type === 'symlink') {
      const target = posix.resolve('/', posix.dirname(prefix), node.target);
      return follow(posix.join(target, ...parts.slice(count)).slice(1), trees, links + 1);
    }
    if (count === parts.length) return node;
  }
  return undefined;
}
