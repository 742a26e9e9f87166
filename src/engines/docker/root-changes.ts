import type { RootChange } from '../engine.ts';

/** As the engine tells them (Docker Engine API, "Get changes on a container’s filesystem"). */
export interface EngineChange {
  readonly Path: string;
  readonly Kind: 0 | 1 | 2;
}

const kinds = ['modified', 'added', 'deleted'] as const;

/**
 * What is not as in the image after one more life, of which the engine tells what it changed in what it found. Folders stand before
 * what is in them. Something that was deleted and is there again is told as modified.
 */
export function addChanges(before: readonly RootChange[], life: readonly EngineChange[]): readonly RootChange[] {
  const changes = new Map(before.map(({ path, kind }) => [path, kind]));
  for (const { Path: path, Kind } of life.toSorted((one, other) => compare(one.Path, other.Path))) {
    const [was, kind] = [changes.get(path), kinds[Kind]];
    if (kind === 'deleted') removeBelow(changes, path);
    if (kind === 'deleted' && was === 'added') changes.delete(path);
    else changes.set(path, combine(was, kind));
  }
  return [...changes].map(([path, kind]) => ({ path, kind })).toSorted((one, other) => compare(one.path, other.path));
}

function combine(was: RootChange['kind'] | undefined, kind: RootChange['kind']): RootChange['kind'] {
  if (was === 'added') return 'added';
  return was === 'deleted' && kind === 'added' ? 'modified' : kind;
}

/** It went with its folder, which is all that is told. */
function removeBelow(changes: Map<string, RootChange['kind']>, folder: string): void {
  for (const path of changes.keys()) if (path.startsWith(`${folder}/`)) changes.delete(path);
}

/** By the names in the path, so that nothing comes between a folder and what is in it. */
function compare(one: string, other: string): number {
  const [left, right] = [one, other].map((path) => path.replaceAll('/', '\0')) as [string, string];
  return left < right ? -1 : Number(left > right);
}
