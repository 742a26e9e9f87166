import { existsSync, realpathSync } from 'node:fs';
import { createTree, type Tree } from '../layout/tree.ts';
import { programMode } from './host-path.ts';
import { addLibraries, includeHostPath, type Fail } from './include.ts';

/** The Node binary at /usr/local/bin/node with its libraries, and /usr/bin/env for `#!/usr/bin/env node`. */
export function nodeTree(nodePath: string, fail: Fail): Tree {
  const tree = createTree();
  const path = realpathSync(nodePath);
  tree.set('usr/local/bin/node', { type: 'file', mode: programMode, content: { path } });
  addLibraries(tree, path, fail);
  if (existsSync('/usr/bin/env')) includeHostPath(tree, '/usr/bin/env', fail);
  return tree;
}
