import { dirname, resolve } from 'node:path';
import { openMap } from '../fields.ts';
import { includeKeys } from '../keys.ts';
import { wordsFor, type Entry, type MapNode, type Node, type Place } from '../node.ts';
import { readList, readWord } from '../readers.ts';
import { wordsOf } from './merge-files.ts';
import { shownAs, type Reading, type Source } from './read-source.ts';
import { readVariables } from './read-variables.ts';

/** Reads files of one project, merged, with what they include; the last path is that of the files that led here. */
export type ReadFiles = (sources: readonly Source[], at: Place, way: readonly string[]) => MapNode | undefined;

/**
 * `include`: other app files with folders and variables of their own, whose services, volumes, networks, secrets and configs
 * stand beside those of this one. A name that both have is an error, since it would be chance which one counts.
 */
export function includeFiles(
  root: MapNode,
  source: Source,
  way: readonly string[],
  reading: Reading,
  readFiles: ReadFiles,
): MapNode {
  const node = root.entries.get('include')?.value;
  if (node === undefined) return root;
  const entries = new Map(root.entries);
  entries.delete('include');
  const here = { ...root, entries };
  if (node.kind !== 'list') {
    reading.problems.badValue(node.at, wordsFor(node), 'it must be a list', 'Write include: [FILE].');
    return here;
  }
  return node.items.reduce<MapNode>((joined, item) => {
    const included = readInclude(item, source, way, reading, readFiles);
    return included === undefined ? joined : join(joined, included, reading);
  }, here);
}

function readInclude(
  node: Node,
  source: Source,
  way: readonly string[],
  reading: Reading,
  readFiles: ReadFiles,
): MapNode | undefined {
  const named = readPaths(node, source, reading);
  const [first] = named?.paths ?? [];
  if (named === undefined || first === undefined) return undefined;
  const circle = named.paths.find((path) => way.includes(path));
  if (circle !== undefined) {
    const shown = [...way.slice(way.indexOf(circle)), circle].map((path) => `"${shownAs(path, reading.folder)}"`);
    return reading.problems.cycle(node.at, shown.join(' includes '), 'Take one "include" out.');
  }
  const folder = named.folder ?? dirname(first);
  const envFiles = {
    paths: named.envFiles?.paths ?? [resolve(folder, '.env')],
    shownAs: (path: string): string => shownAs(path, reading.folder),
    ...(named.envFiles === undefined ? {} : { namedAt: named.envFiles.at }),
  };
  const variables = readVariables(source.variables, envFiles, reading.host, reading.problems);
  return readFiles(
    named.paths.map((path) => ({ path, folder, variables })),
    node.at,
    [...way, ...named.paths],
  );
}

interface Named {
  readonly paths: readonly string[];
  readonly folder: string | undefined;
  readonly envFiles: { readonly paths: readonly string[]; readonly at: Place } | undefined;
}

/** `FILE`, or `{path, project_directory, env_file}`; several paths are merged in order. */
function readPaths(node: Node, { folder }: Source, { problems }: Reading): Named | undefined {
  if (node.kind === 'scalar') {
    const path = readWord(node, problems);
    return path === undefined ? undefined : { paths: [resolve(folder, path)], folder: undefined, envFiles: undefined };
  }
  const fields = openMap(node, includeKeys, problems);
  if (fields === undefined) return undefined;
  const paths = fields.read('path', readList(readWord));
  if (paths === undefined || paths.length === 0) {
    return problems.badValue(fields.placeOf('path'), 'missing', 'it says what to include', 'Write path: FILE.');
  }
  const projectFolder = fields.read('project_directory', readWord);
  const envFiles = fields.read('env_file', readList(readWord));
  return {
    paths: paths.map((path) => resolve(folder, path)),
    folder: projectFolder === undefined ? undefined : resolve(folder, projectFolder),
    envFiles:
      envFiles === undefined
        ? undefined
        : { paths: envFiles.map((path) => resolve(folder, path)), at: fields.placeOf('env_file') },
  };
}

const sections = ['services', 'volumes', 'networks', 'secrets', 'configs'];

function join(root: MapNode, included: MapNode, reading: Reading): MapNode {
  const entries = new Map(root.entries);
  for (const [name, theirs] of included.entries) {
    const own = entries.get(name);
    if (name === 'name' || name === 'version') continue;
    if (sections.includes(name) && own?.value.kind === 'map' && theirs.value.kind === 'map') {
      entries.set(name, { ...own, value: joinSection(own.value, theirs.value, reading) });
    } else if (own === undefined) entries.set(name, theirs);
    else refuseConflict(name, own, theirs, reading);
  }
  return { ...root, entries };
}

function joinSection(own: MapNode, theirs: MapNode, reading: Reading): MapNode {
  const entries = new Map(own.entries);
  for (const [name, entry] of theirs.entries) {
    const before = entries.get(name);
    if (before === undefined) entries.set(name, entry);
    else refuseConflict(name, before, entry, reading);
  }
  return { ...own, entries };
}

/** The same twice is no conflict: two files may include a third. */
function refuseConflict(name: string, own: Entry, theirs: Entry, { problems }: Reading): void {
  if (name.startsWith('x-') && !name.startsWith('x-minke')) return;
  if (wordsOf(own.value) === wordsOf(theirs.value)) return;
  const reason = `what it includes has one as well, in ${theirs.key.file}:${theirs.key.line}`;
  const mend = 'Rename one of them, or include both files as one: path: [FILE, FILE].';
  problems.badValue(own.key, `a second "${name}"`, reason, mend);
}
