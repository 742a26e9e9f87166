import { existsSync, statSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { MinkeError } from '../../errors/index.ts';

/** As Compose looks for them, best first; an override beside the file is merged over it. */
const defaultNames = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Absolute paths of the app files that were named (a folder stands for the file in it), else of those that COMPOSE_FILE names,
 * else of the one that lies nearest.
 */
export function appFiles(cwd: string, named: readonly string[], env: Environment): readonly string[] {
  if (named.length > 0) return named.flatMap((name) => namedFiles(resolve(cwd, name), name));
  const found = filesHere(cwd, env);
  if (found !== undefined) return found;
  const reason = `neither ${cwd} nor a folder above it has a ${defaultNames.join(', ')}`;
  throw new MinkeError('APP_FILE_NOT_FOUND', { reason });
}

/** undefined where COMPOSE_FILE says nothing, and neither this folder nor one above it has an app file. */
export function filesHere(
  cwd: string,
  { COMPOSE_FILE = '', COMPOSE_PATH_SEPARATOR }: Environment,
): readonly string[] | undefined {
  const listed = COMPOSE_FILE.split(COMPOSE_PATH_SEPARATOR ?? delimiter).filter((name) => name !== '');
  return listed.length > 0 ? listed.flatMap((name) => namedFiles(resolve(cwd, name), name)) : nearestFiles(cwd);
}

function nearestFiles(folder: string): readonly string[] | undefined {
  const found = filesIn(folder);
  if (found !== undefined) return found;
  return dirname(folder) === folder ? undefined : nearestFiles(dirname(folder));
}

function namedFiles(path: string, name: string): readonly string[] {
  const kind = statSync(path, { throwIfNoEntry: false });
  if (kind === undefined) throw new MinkeError('APP_FILE_NOT_FOUND', { reason: `"${name}" does not exist` });
  if (!kind.isDirectory()) return [path];
  const found = filesIn(path);
  if (found === undefined) {
    throw new MinkeError('APP_FILE_NOT_FOUND', { reason: `the folder "${name}" has no ${defaultNames.join(', ')}` });
  }
  return found;
}

function filesIn(folder: string): readonly string[] | undefined {
  const name = defaultNames.find((one) => existsSync(join(folder, one)));
  if (name === undefined) return undefined;
  const stem = name.replace(/\.ya?ml$/, '');
  const overrides = ['yaml', 'yml']
    .map((end) => join(folder, `${stem}.override.${end}`))
    .filter((path) => existsSync(path));
  return [join(folder, name), ...overrides.slice(0, 1)];
}
