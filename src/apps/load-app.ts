import { availableParallelism } from 'node:os';
import { basename, dirname, relative, resolve } from 'node:path';
import { MinkeError } from '../errors/index.ts';
import type { AppModel } from '../model/app.ts';
import type { FileContext } from './file/context.ts';
import { hostFiles, type HostFiles } from './file/host-files.ts';
import { interpolate, type Variables } from './file/interpolate.ts';
import { mergeFiles } from './file/merge-files.ts';
import type { MapNode, Place } from './file/node.ts';
import { createProblems, type Problems } from './file/problems.ts';
import { readApp } from './file/read-app.ts';
import { readDotenv } from './file/read-dotenv.ts';
import { readYaml } from './file/read-yaml.ts';

export interface LoadOptions {
  /** Merged in order; relative paths inside all of them lie below the folder of the first. */
  readonly files: readonly string[];
  /** Overrides `name:` and the folder's name. */
  readonly project?: string | undefined;
  /** For `${VAR}`; comes before the file `.env` beside the first app file. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly host?: HostFiles;
  /** Of the machine; the default concurrency of functions is 4 per core. */
  readonly cores?: number;
}

/** Warnings are what the file asks for and does not get, where the app works without it. */
export type LoadedApp =
  | { readonly model: AppModel; readonly warnings: readonly MinkeError[] }
  | { readonly problems: readonly MinkeError[] };

/**
 * Compose files as one validated model with every default filled in, or everything that is wrong with them, in the order of
 * the file. Each problem's facts carry `place` (FILE:LINE), `line`, `key` (its full path) and `mend`.
 */
export function loadApp(options: LoadOptions): LoadedApp {
  const { host = hostFiles, cores = availableParallelism() } = options;
  const [first] = options.files;
  if (first === undefined) return { problems: [new MinkeError('APP_FILE_NOT_FOUND', { reason: 'none was named' })] };
  const folder = dirname(resolve(first));
  const problems = createProblems();
  const warnings: MinkeError[] = [];
  const absent: MinkeError[] = [];
  const variables = readVariables(folder, options.environment, host, problems);
  const root = options.files.reduce<MapNode | undefined>((base, file) => {
    const text = readText(file, host);
    if (typeof text !== 'string') absent.push(text);
    const tree =
      typeof text === 'string'
        ? readFile({ file: shownAs(file, folder), text }, variables, warnings, problems)
        : undefined;
    return base === undefined || tree === undefined ? (tree ?? base) : mergeFiles(base, tree);
  }, undefined);
  const context: FileContext = { folder, variables, host, problems, cores, warn: (warning) => warnings.push(warning) };
  // A file that cannot be read at all would only be followed by complaints about what is in it.
  const isReadable =
    root !== undefined && absent.length === 0 && problems.found().every(({ code }) => code !== 'APP_FILE_SYNTAX');
  const model = isReadable
    ? readApp(root, { project: options.project, folderName: basename(folder) }, context)
    : undefined;
  const found = [...absent, ...problems.found()];
  return model === undefined || found.length > 0 ? { problems: found } : { model, warnings };
}

function readVariables(
  folder: string,
  environment: LoadOptions['environment'],
  host: HostFiles,
  problems: Problems,
): Variables {
  const path = resolve(folder, '.env');
  const text = host.kindOf(path) === 'file' ? (host.read(path) ?? '') : '';
  const dotenv = readDotenv(text, (name) => environment[name]);
  for (const { line, reason, mend } of dotenv.problems) problems.syntax({ file: '.env', line, path: '' }, reason, mend);
  const values = new Map(dotenv.entries);
  return (name) => environment[name] ?? values.get(name);
}

function readText(file: string, host: HostFiles): string | MinkeError {
  const path = resolve(file);
  const kind = host.kindOf(path);
  if (kind !== 'file') {
    const reason = kind === 'folder' ? `${path} is a folder` : `there is no ${path}`;
    return new MinkeError('APP_FILE_NOT_FOUND', { reason });
  }
  try {
    return host.read(path) ?? new MinkeError('APP_FILE_NOT_FOUND', { reason: `there is no ${path}` });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new MinkeError('APP_FILE_NOT_FOUND', { reason }, { cause });
  }
}

/** Short where it can be: `compose.yaml`, not the whole path. */
function shownAs(file: string, folder: string): string {
  const path = relative(folder, resolve(file));
  return path.startsWith('..') ? resolve(file) : path;
}

function readFile(
  source: { readonly file: string; readonly text: string },
  variables: Variables,
  warnings: MinkeError[],
  problems: Problems,
): MapNode | undefined {
  const fillIn = (text: string, at: Place): string => {
    const { text: filled, unset, failure } = interpolate(text, variables);
    if (failure !== undefined) problems.badValue(at, `"${text}"`, failure.reason, failure.mend);
    for (const name of unset) warnings.push(unsetVariable(name, at));
    return filled;
  };
  const tree = readYaml(source, fillIn, problems);
  if (tree?.kind === 'map') return tree;
  const whole: Place = { file: source.file, line: 1, path: '' };
  if (tree !== undefined) problems.syntax(whole, 'it is not a mapping', 'Begin it with "services:".');
  return undefined;
}

function unsetVariable(name: string, { file, line, path }: Place): MinkeError {
  return new MinkeError('APP_FILE_BAD_VALUE', {
    place: `${file}:${line}`,
    line,
    key: path,
    value: 'empty in part',
    reason: `the variable ${name} is not set`,
    mend: `Set ${name}, or write \${${name}:-default}.`,
  });
}
