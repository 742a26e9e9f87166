import { relative, resolve } from 'node:path';
import { MinkeError } from '../../../errors/index.ts';
import type { HostFiles } from '../host-files.ts';
import { interpolate, type Variables } from '../interpolate.ts';
import type { MapNode, Place } from '../node.ts';
import type { Problems } from '../problems.ts';
import { readYaml } from '../read-yaml.ts';
import { upgradeVersionOne } from './upgrade-version-one.ts';

/** One app file: where it is, where its relative paths begin, and what its variables mean. */
export interface Source {
  /** Absolute. */
  readonly path: string;
  /** Absolute. */
  readonly folder: string;
  readonly variables: Variables;
}

export interface Reading {
  /** Of the first app file; names of files are shown relative to it. */
  readonly folder: string;
  readonly host: HostFiles;
  readonly problems: Problems;
  readonly warn: (warning: MinkeError) => void;
}

/** The file as a tree with its variables filled in; undefined after a problem, an error when there is no such file. */
export function readSource(source: Source, reading: Reading): MapNode | MinkeError | undefined {
  const text = readText(source.path, reading.host);
  if (typeof text !== 'string') return text;
  const file = shownAs(source.path, reading.folder);
  const whole: Place = { file, folder: source.folder, line: 1, path: '' };
  const tree = readYaml({ whole, text }, filler(source.variables, reading), reading.problems);
  if (tree?.kind === 'map') return upgradeVersionOne(tree);
  if (tree !== undefined) reading.problems.syntax(whole, 'it is not a mapping', 'Begin it with "services:".');
  return undefined;
}

/** Short where it can be: `compose.yaml`, not the whole path. */
export function shownAs(path: string, folder: string): string {
  const short = relative(folder, path);
  return short.startsWith('..') ? path : short;
}

/** An app file that another one names, and that cannot be had. */
export const refuseAbsent = (path: string, at: Place, { folder, problems }: Reading): undefined =>
  problems.badReference(at, shownAs(path, folder), 'a file that can be read', `Make ${path}, or name another.`);

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

function filler(variables: Variables, { problems, warn }: Reading): (text: string, at: Place) => string {
  return (text, at) => {
    const { text: filled, unset, failure } = interpolate(text, variables);
    if (failure !== undefined) problems.badValue(at, `"${text}"`, failure.reason, failure.mend);
    for (const name of unset) warn(unsetVariable(name, at));
    return filled;
  };
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
