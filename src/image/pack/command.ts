import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Fail } from '../runtime/include.ts';
import type { PackageJson } from './package-json.ts';
import type { PackRequest } from './request.ts';
import { strippedName } from './strip-types.ts';

/** What the image runs: words that always come first, and words that a run's own arguments replace. */
export interface Program {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

export function chooseProgram(request: PackRequest, manifest: PackageJson | undefined, fail: Fail): Program {
  const { entrypoint = [], command = [] } = request;
  if (entrypoint.length > 0) return { entrypoint, command };
  const chosen = chooseCommand(request, manifest, fail);
  return request.asEntrypoint === true ? { entrypoint: chosen, command: [] } : { entrypoint: [], command: chosen };
}

/** Names of TypeScript files after they were stripped: `node main.ts` is `node main.js` in the image. */
export function renameStripped(folder: string, { entrypoint, command }: Program): Program {
  const rename = (word: string): string => renameWord(folder, word);
  return { entrypoint: entrypoint.map(rename), command: command.map(rename) };
}

/** What each runtime starts where nothing is said. */
const mainPrograms: Readonly<Record<PackRequest['runtime'], readonly [string, readonly string[]]>> = {
  auto: ['node', ['index.js', 'index.ts']],
  node: ['node', ['index.js', 'index.ts']],
  none: ['node', []],
  python: ['python3', ['main.py', 'app.py', '__main__.py']],
  perl: ['perl', ['main.pl', 'app.pl']],
};

/** The app file's command, else `start` of package.json, else its `main`. */
function chooseCommand(request: PackRequest, manifest: PackageJson | undefined, fail: Fail): readonly string[] {
  const asked = request.command ?? [];
  if (asked.length > 0) return asked;
  const start = manifest?.scripts?.start?.trim() ?? '';
  if (start !== '') return parseStart(start);
  const inFolder = (names: readonly string[]): string | undefined =>
    names.find((name) => existsSync(join(request.folder, name)));
  const [interpreter, names] = mainPrograms[request.runtime];
  const main = manifest?.main ?? inFolder(names);
  if (main !== undefined && main !== '') return [interpreter, main];
  return fail('it does not say what to run', 'Set command: in the app file, or scripts.start in its package.json.');
}

function renameWord(folder: string, word: string): string {
  const path = word.replace(/^\/app\//, '');
  if (!existsSync(join(folder, path))) return word;
  const stripped = strippedName(path, (other) => existsSync(join(folder, other)));
  return stripped === undefined ? word : word.slice(0, word.length - path.length) + stripped;
}

/** `start` is a shell line; where it is only words no shell is needed. */
function parseStart(start: string): readonly string[] {
  const isPlain = /^[\w./@:=,+%-]+(?:\s+[\w./@:=,+%-]+)*$/.test(start) && !/^\w+=/.test(start);
  return isPlain ? start.split(/\s+/) : ['/bin/sh', '-c', start];
}
