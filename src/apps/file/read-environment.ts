import { relative, resolve } from 'node:path';
import type { FileContext } from './context.ts';
import { openMap, type Fields, type Reader } from './fields.ts';
import { envFileKeys } from './keys.ts';
import { isNull, type Place } from './node.ts';
import { readBoolean, readOneOf, readPairs, readWord } from './readers.ts';
import { readDotenv, readRawEnv } from './read-dotenv.ts';

/** `env_file`, overridden by `environment`; a name without a value is taken from the caller, and left out where it has none. */
export function readEnvironment(fields: Fields, context: FileContext): Readonly<Record<string, string>> {
  const result: Record<string, string> = {};
  const put = (name: string, value: string | undefined): void => {
    const filled = value ?? context.variables(name);
    if (filled !== undefined) result[name] = filled;
  };
  for (const file of readEnvFiles(fields, context))
    for (const [name, value] of fromFile(file, context)) put(name, value);
  for (const { name, value } of fields.read('environment', readPairs) ?? []) put(name, value);
  return result;
}

const readFormat = readOneOf(['raw']);

interface EnvFile {
  readonly path: string;
  readonly required: boolean;
  /** Everything behind "=" is the value, quotes and dollar signs as well. */
  readonly isRaw: boolean;
  readonly at: Place;
}

function readEnvFiles(fields: Fields, context: FileContext): readonly EnvFile[] {
  const node = fields.node('env_file');
  if (node === undefined) return [];
  const items = node.kind === 'list' ? node.items : [node];
  return items.flatMap((item) => readEnvFile(item, context.problems) ?? []);
}

const readEnvFile: Reader<EnvFile> = (node, problems) => {
  if (node.kind === 'scalar' && !isNull(node)) return { path: node.text, required: true, isRaw: false, at: node.at };
  const fields = openMap(node, envFileKeys, problems);
  const path = fields?.read('path', readWord);
  const required = fields?.read('required', readBoolean) ?? true;
  if (fields !== undefined && path === undefined)
    problems.badValue(node.at, 'a file without a path', 'it needs one', 'Write path: FILE.');
  const isRaw = fields?.read('format', readFormat) === 'raw';
  return path === undefined ? undefined : { path, required, isRaw, at: node.at };
};

function fromFile(
  { path, required, isRaw, at }: EnvFile,
  context: FileContext,
): readonly (readonly [string, string | undefined])[] {
  const absolute = resolve(at.folder, path);
  const text = context.host.kindOf(absolute) === 'file' ? context.host.read(absolute) : undefined;
  if (text === undefined) {
    if (required)
      context.problems.badReference(at, path, 'a file', `Make ${absolute}, or write {path: ${path}, required: false}.`);
    return [];
  }
  const { entries, problems } = isRaw ? readRawEnv(text) : readDotenv(text, context.variables);
  const file = relative(context.folder, absolute);
  for (const { line, reason, mend } of problems) context.problems.syntax({ ...at, file, line }, reason, mend);
  return entries;
}
