import { dirname, extname, join, normalize } from 'node:path';
import { cyclesOf } from './cycles.ts';
import { importsOf, type Import } from './imports.ts';
import { exceptions, layers, owners, pureRooms, testsMayImport, type Room } from './rules.ts';

/** Files under `src/`: path relative to it -> text. */
export type Files = ReadonlyMap<string, string>;

const rooms: readonly Room[] = layers.flatMap((layer) => layer.rooms);

/** What is wrong, one sentence each; empty = the house stands. No files at all is wrong too: the check then saw nothing. */
export function checkArchitecture(files: Files): readonly string[] {
  if (files.size === 0) return ['Found no source files under src/: nothing was checked'];
  const edges = [...files].flatMap(([file, text]) => importsOf(file, text).map((one) => resolve(file, one)));
  return [...homeless(files), ...edges.flatMap((edge) => judge(edge)), ...folderCycles(files, edges)];
}

interface Edge {
  readonly file: string;
  readonly line: number;
  /** Path under `src/`, package name or `node:` module; undefined when computed. */
  readonly target: string | undefined;
  readonly isFile: boolean;
}

function resolve(file: string, { specifier, line }: Import): Edge {
  if (specifier === undefined) return { file, line, target: undefined, isFile: false };
  if (specifier.startsWith('.')) {
    return { file, line, target: normalize(join(dirname(file), specifier)), isFile: true };
  }
  return { file, line, target: specifier.startsWith('node:') ? specifier : packageName(specifier), isFile: false };
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function homeless(files: Files): readonly string[] {
  return [...files.keys()]
    .filter((file) => roomOf(file) === undefined)
    .map((file) => `src/${file} lies in no room: add its folder to scripts/architecture/rules.ts, or move it`);
}

/** The innermost room that holds the file. */
function roomOf(file: string): Room | undefined {
  return rooms
    .filter(({ folder }) => file.startsWith(`${folder}/`))
    .toSorted((a, b) => b.folder.length - a.folder.length)[0];
}

function judge(edge: Edge): readonly string[] {
  const { file, line, target, isFile } = edge;
  const room = roomOf(file);
  if (room === undefined) return [];
  const place = `src/${file}:${line}`;
  if (target === undefined) return [`${place} imports a computed path: write it out, so that it can be checked`];
  if (isExcepted(file, target)) return [];
  return isFile ? judgeFile(place, room, target) : judgePackage(place, room, target);
}

function isExcepted(file: string, target: string): boolean {
  const allowed = exceptions.filter((one) => one.file === file).flatMap((one) => one.mayImport);
  const forTests = file.endsWith('.test.ts') ? testsMayImport : [];
  return [...allowed, ...forTests].some((one) => one === target || roomOf(target)?.folder === one);
}

function judgeFile(place: string, room: Room, target: string): readonly string[] {
  if (target.startsWith('..')) return [`${place} imports ${target}: src/ imports nothing outside itself`];
  const other = roomOf(target);
  if (other?.folder === room.folder || room.mayImport.includes(target)) return [];
  if (other !== undefined && room.mayImport.includes(other.folder)) return [];
  return [`${place} imports ${target}: ${room.folder} may import ${room.mayImport.join(', ') || 'no other folder'}`];
}

function judgePackage(place: string, room: Room, target: string): readonly string[] {
  const isPure = pureRooms.includes(room.folder);
  if (isPure) return [`${place} imports ${target}: ${room.folder} is pure and imports nothing from outside`];
  const owner = owners[target];
  const isOwner = owner === undefined || owner.some((one) => room.folder === one);
  return isOwner ? [] : [`${place} imports ${target}: only ${owner.join(', ')} may`];
}

/**
 * Folders at every depth, each with its own files only; tests stand outside the house and may look in anywhere. A file
 * `name.ts` beside a folder `name/` is the door of that folder and counts as a part of it.
 */
function folderCycles(files: Files, edges: readonly Edge[]): readonly string[] {
  const folders = new Set([...files.keys()].map((file) => dirname(file)));
  const folderOf = (file: string): string => (folders.has(withoutEnding(file)) ? withoutEnding(file) : dirname(file));
  const graph = new Map<string, Set<string>>();
  for (const { file, target, isFile } of edges) {
    if (!isFile || target === undefined || file.endsWith('.test.ts')) continue;
    const [from, to] = [folderOf(file), folderOf(target)];
    if (from !== to) graph.set(from, (graph.get(from) ?? new Set()).add(to));
  }
  return cyclesOf(graph).map((group) => `Folders import one another in a circle: ${group.join(', ')}`);
}

function withoutEnding(file: string): string {
  return file.slice(0, -extname(file).length);
}
