import { createTree, type Tree } from '../layout/tree.ts';
import type { Fail } from './include.ts';
import { nodeTree } from './node.ts';
import { perlRuntime } from './perl.ts';
import { pythonRuntime } from './python.ts';

export type RuntimeName = 'node' | 'perl' | 'python' | 'none';

/** What runs the folder's programs. */
export interface Runtime {
  readonly tree: Tree;
  /** For an app that lies in the folder `source` of this host, and in /app of its image. */
  environment(source: string): Readonly<Record<string, string>>;
}

/** From this host, as it is installed here; `fail` where it is not. */
export function loadRuntime(name: RuntimeName, nodePath: string, fail: Fail): Runtime {
  if (name === 'python') return pythonRuntime(fail);
  if (name === 'perl') return perlRuntime(fail);
  const isNode = name === 'node';
  return {
    tree: isNode ? nodeTree(nodePath, fail) : createTree(),
    environment: (): Readonly<Record<string, string>> => (isNode ? { NODE_ENV: 'production' } : {}),
  };
}
