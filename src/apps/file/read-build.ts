import { resolve } from 'node:path';
import type { BuildModel } from '../../model/app.ts';
import type { FileContext } from './context.ts';
import { openMap, type Fields } from './fields.ts';
import { buildKeys } from './keys.ts';
import type { Place } from './node.ts';
import { readPairs, readWord } from './readers.ts';

/** `build: FOLDER` or its long form. A folder without a Dockerfile is for packing: `dockerfile` is absent then. */
export function readBuild(service: Fields, context: FileContext): BuildModel | undefined {
  const node = service.node('build');
  if (node === undefined) return undefined;
  const fields = node.kind === 'scalar' ? undefined : openMap(node, buildKeys, context.problems);
  if (node.kind !== 'scalar' && fields === undefined) return undefined;
  const folder = node.kind === 'scalar' ? node.text : (fields?.read('context', readWord) ?? '.');
  const at = fields?.node('context')?.at ?? node.at;
  const path = contextOf(folder, at, context);
  if (path === undefined) return undefined;
  const dockerfile = dockerfileOf(fields, path, context);
  const target = fields?.read('target', readWord);
  return {
    context: path,
    ...(dockerfile === undefined ? {} : { dockerfile }),
    args: argsOf(fields, context),
    ...(target === undefined ? {} : { target }),
  };
}

function contextOf(folder: string, at: Place, context: FileContext): string | undefined {
  if (/^(?:[a-z][a-z0-9+.-]*:\/\/|git@|github\.com\/)/i.test(folder)) {
    context.problems.unsupported(at, 'only folders of this host are built', 'Fetch it first, and name the folder.');
    return undefined;
  }
  const path = resolve(at.folder, folder);
  if (context.host.kindOf(path) === 'folder') return path;
  context.problems.badReference(at, folder, 'a folder', `Make ${path}, or name the folder that holds the program.`);
  return undefined;
}

function dockerfileOf(fields: Fields | undefined, path: string, { host, problems }: FileContext): string | undefined {
  const named = fields?.read('dockerfile', readWord);
  const file = resolve(path, named ?? 'Dockerfile');
  if (host.kindOf(file) === 'file') return file;
  if (named !== undefined && fields !== undefined) {
    problems.badReference(
      fields.node('dockerfile')?.at ?? fields.at,
      named,
      `a file in ${path}`,
      'Take it out: minke packs a folder without a Dockerfile.',
    );
  }
  return undefined;
}

function argsOf(fields: Fields | undefined, { variables }: FileContext): Readonly<Record<string, string>> {
  const pairs = fields?.read('args', readPairs) ?? [];
  return Object.fromEntries(
    pairs.flatMap(({ name, value }): [string, string][] => {
      const filled = value ?? variables(name);
      return filled === undefined ? [] : [[name, filled]];
    }),
  );
}
