import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FileContent, Tree } from '../layout/tree.ts';
import { readElf } from './elf.ts';
import { addHostPath, fileMode } from './host-path.ts';
import { addLibraries, type Fail } from './include.ts';

export interface LibraryRules {
  /** Names of files and folders that no program needs. */
  readonly leavesOut: (name: string) => boolean;
  /** Another content than the host's; undefined = as it is; `skip` = not at all. */
  readonly rewrite?: (path: string) => FileContent | undefined | 'skip';
}

/**
 * A folder of an interpreter's library at its own path, and the shared libraries that its compiled modules need. Its scripts
 * are read by the interpreter itself, so what their first lines name is not looked for.
 */
export function addStandardLibrary(tree: Tree, folder: string, rules: LibraryRules, fail: Fail): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (rules.leavesOut(entry.name)) continue;
    if (entry.isDirectory()) addStandardLibrary(tree, path, rules, fail);
    else if (entry.isSymbolicLink()) addLink(tree, path);
    else addFile(tree, path, rules, fail);
  }
}

/** Compiled modules that lie in the app itself need what they need, too. */
export function addNeededLibraries(tree: Tree, app: Tree, fail: Fail): void {
  for (const node of app.nodes.values()) {
    if (node.type === 'file' && 'path' in node.content && isModule(node.content.path))
      addLibraries(tree, node.content.path, fail);
  }
}

function addFile(tree: Tree, path: string, { rewrite }: LibraryRules, fail: Fail): void {
  const content = rewrite?.(path);
  if (content === 'skip') return;
  if (content === undefined) addHostPath(tree, path);
  else tree.set(path.slice(1), { type: 'file', mode: fileMode, content });
  if (isModule(path)) addLibraries(tree, path, fail);
}

/** A distribution's link into /etc may lead nowhere; it is then left out, as the program would pass it over. */
function addLink(tree: Tree, path: string): void {
  try {
    addHostPath(tree, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

const isModule = (path: string): boolean => /\.so(\.[\d.]+)?$/.test(path) && readElf(path) !== undefined;
