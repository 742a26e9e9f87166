import { readFileSync, statSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { posix } from 'node:path';
import type { Tree } from '../layout/tree.ts';
import { fileMode, programMode } from '../runtime/host-path.ts';
import type { Fail } from '../runtime/include.ts';

/** JavaScript from `main.ts`: `main.js`, or `main.ts.js` where a `main.js` lies beside it (`isTaken`). Undefined: no TypeScript. */
export function strippedName(path: string, isTaken: (path: string) => boolean): string | undefined {
  const match = /^(.*[^/])\.([mc]?)ts$/.exec(path);
  if (match === null || isDeclaration(path)) return undefined;
  const name = `${match[1]}.${match[2]}js`;
  return isTaken(name) ? `${path}.js` : name;
}

export const isDeclaration = (path: string): boolean => /\.d\.([mc]?ts|[^/.]+\.ts)$/.test(path);

/**
 * Puts a TypeScript file into the tree as JavaScript, so that nothing is stripped when a container starts (that doubles
 * Node's start). The old name becomes a link to the new one: Node takes a module's format from where links lead, so every
 * `./x.ts` in imports, `new URL` and package.json goes on working without a word of the program being rewritten.
 */
export function addStripped(tree: Tree, source: string, path: string, stripped: string, fail: Fail): void {
  const mode = (statSync(source).mode & 0o111) === 0 ? fileMode : programMode;
  tree.set(stripped, { type: 'file', mode, content: { bytes: Buffer.from(strip(source, path, fail)) } });
  tree.set(path, { type: 'symlink', target: posix.basename(stripped) });
}

function strip(source: string, path: string, fail: Fail): string {
  try {
    return stripTypeScriptTypes(readFileSync(source, 'utf8'), { mode: 'strip' });
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return fail(
      `the types of ${path} cannot be stripped: ${reason}`,
      'Use TypeScript that Node runs as it is: no enum, no namespace, no parameter property.',
    );
  }
}
