import { resolve } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import type { SourceModel } from '../../model/app.ts';
import type { FileContext } from './context.ts';
import { openMap, type Fields } from './fields.ts';
import { contentKeys } from './keys.ts';
import { wordsFor, type Entry, type Place } from './node.ts';
import { readPairs, readText, readWord } from './readers.ts';

/** What secrets and configs are, by `secret/KEY` and `config/KEY`; kept apart from the model, which is printed and stored. */
export type Contents = ReadonlyMap<string, string>;

export const contentKey = (kind: 'secret' | 'config', key: string): string => `${kind}/${key}`;

export interface ReadContents {
  readonly sources: Readonly<Record<string, SourceModel>>;
  readonly contents: Contents;
}

/** The top-level `secrets` or `configs`. */
export function readContents(fields: Fields, kind: 'secret' | 'config', context: FileContext): ReadContents {
  const node = fields.node(`${kind}s`);
  const sources: Record<string, SourceModel> = {};
  const contents = new Map<string, string>();
  if (node !== undefined && node.kind !== 'map') {
    context.problems.badValue(
      node.at,
      wordsFor(node),
      'it must be a mapping of names',
      `Write ${kind}s: {NAME: {file: ./FILE}}.`,
    );
    return { sources, contents };
  }
  for (const [key, entry] of node?.entries ?? []) {
    const read = isName(key, entry.key, context) ? readSource(entry, kind, context) : undefined;
    // It is declared all the same: who names it has made no mistake of his own.
    sources[key] = read?.source ?? { from: 'content' };
    if (read === undefined) continue;
    if (read.content !== undefined) contents.set(contentKey(kind, key), read.content);
  }
  return { sources, contents };
}

/** It becomes the name of a file. */
function isName(key: string, at: Place, { problems }: FileContext): boolean {
  if (/^[\w][\w.-]{0,63}$/.test(key)) return true;
  problems.badValue(at, 'no name', 'it must be letters, digits, ".", "-" and "_", at most 64', 'Choose another name.');
  return false;
}

interface ReadSource {
  readonly source: SourceModel;
  readonly content?: string;
}

const ways = ['file', 'environment', 'content'] as const;

function readSource({ key, value }: Entry, kind: string, context: FileContext): ReadSource | undefined {
  const { problems } = context;
  const fields = openMap(value, contentKeys, problems);
  if (fields === undefined || fields.node('external') !== undefined) {
    if (fields !== undefined) {
      const reason = `minke keeps no ${kind}s outside an app`;
      problems.unsupported(fields.placeOf('external'), reason, 'Write file: ./FILE, or environment: VARIABLE.');
    }
    return undefined;
  }
  fields.read('labels', readPairs);
  fields.read('name', readWord);
  const given = ways.filter((way) => fields.node(way) !== undefined);
  const [way, second] = given;
  if (way === undefined || second !== undefined) {
    const what = way === undefined ? 'without content' : 'given twice';
    return problems.badValue(key, what, 'it comes from one of file, environment or content', 'Write file: ./FILE.');
  }
  if (way === 'content') return { source: { from: 'content' }, content: fields.read('content', readText) ?? '' };
  return way === 'file' ? fromFile(fields, context) : fromVariable(fields, context);
}

function fromFile(fields: Fields, { host, problems }: FileContext): ReadSource | undefined {
  const named = fields.read('file', readWord);
  const at = fields.node('file')?.at ?? fields.at;
  if (named === undefined) return undefined;
  const path = resolve(at.folder, named);
  if (host.kindOf(path) === 'file') return { source: { from: 'file', path } };
  return problems.badReference(at, named, 'a file', `Make ${path}.`);
}

/** Only who starts the app needs the value: others may look at it without. */
function fromVariable(fields: Fields, { variables, lacking }: FileContext): ReadSource | undefined {
  const variable = fields.read('environment', readWord);
  if (variable === undefined) return undefined;
  const content = variables(variable);
  if (content !== undefined) return { source: { from: 'environment', variable }, content };
  const { file, line, path } = fields.node('environment')?.at ?? fields.at;
  const [value, reason, mend] = [`"${variable}"`, 'no such variable is set', `Set it: export ${variable}=...`];
  lacking(new MinkeError('APP_FILE_BAD_VALUE', { place: `${file}:${line}`, line, key: path, value, reason, mend }));
  return { source: { from: 'environment', variable } };
}
