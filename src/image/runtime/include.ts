import { closeSync, existsSync, openSync, readSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import type { Tree } from '../layout/tree.ts';
import { addHostPath, programMode } from './host-path.ts';
import { findLibraries } from './libraries.ts';

/**
 * Puts a program, file or folder of the host into the tree at its own path, with the shared libraries it needs and, for a
 * script, its interpreter. `fail` is called with the reason (in words that follow "Cannot pack ...") and what mends it.
 *
 * Debian's PostgreSQL programs (`/usr/bin/psql`) are links to a Perl wrapper that picks a server version; what is meant
 * is the program behind it, so the newest version's own program is put at the path that was asked for.
 */
export function includeHostPath(tree: Tree, path: string, fail: Fail): void {
  if (!isAbsolute(path))
    fail(`"${path}" in include is not an absolute path`, 'Name it with its full path, as `command -v` prints it.');
  if (!existsSync(path))
    fail(`"${path}" in include is not on this machine`, 'Install the package that has it, or correct the path.');
  const real = realpathSync(path);
  const wrapped = real.endsWith('/postgresql-common/pg_wrapper') ? newestPostgres(basename(path)) : undefined;
  if (wrapped === undefined) addHostPath(tree, path);
  else
    tree.set(join(realpathSync(join(path, '..')), basename(path)).slice(1), {
      type: 'file',
      mode: programMode,
      content: { path: wrapped },
    });
  addNeeds(tree, wrapped ?? real, fail);
}

export type Fail = (reason: string, mend: string) => never;

/** What the file at a (resolved) host path needs beside itself. */
function addNeeds(tree: Tree, path: string, fail: Fail): void {
  const stats = statSync(path);
  if (stats.isDirectory()) {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory() || entry.isFile()) addNeeds(tree, join(path, entry.name), fail);
    }
  } else if (stats.isFile() && stats.size > 0) {
    for (const program of interpreterOf(path)) includeInterpreter(tree, path, program, fail);
    addLibraries(tree, path, fail);
  }
}

/** The loader's needs of a program that the tree holds at whatever path. */
export function addLibraries(tree: Tree, program: string, fail: Fail): void {
  const { paths, links, missing } = findLibraries(program);
  const [first] = missing;
  if (first !== undefined) fail(`the library ${first} is not on this machine`, 'Install the package that has it.');
  for (const path of paths) addHostPath(tree, path);
  for (const [from, to] of links) tree.set(from.slice(1), { type: 'symlink', target: to });
}

/**
 * The programs that a script's first line names: `#!/bin/sh` gives /bin/sh; `#!/usr/bin/env node` gives /usr/bin/env and
 * `node`. Empty when there is no such line.
 */
export function interpreterOf(path: string): readonly string[] {
  const line = /^#!\s*(\S+)(?:[ \t]+(.*))?/.exec(firstLine(path));
  const program = line?.[1];
  if (program === undefined) return [];
  const named =
    basename(program) === 'env'
      ? line?.[2]?.split(/\s+/).find((word) => !word.startsWith('-') && !word.includes('='))
      : undefined;
  return named === undefined ? [program] : [program, named];
}

function includeInterpreter(tree: Tree, script: string, program: string, fail: Fail): void {
  if (basename(program) === 'node') return;
  if (/^(perl|python|ruby)/.test(basename(program))) {
    fail(
      `"${script}" is a script for ${basename(program)}, whose library is not packed`,
      'Include a compiled program, or use an image: instead.',
    );
  }
  includeHostPath(tree, isAbsolute(program) ? program : findProgram(program, script, fail), fail);
}

function findProgram(name: string, script: string, fail: Fail): string {
  const found = ['/usr/local/bin', '/usr/bin', '/bin']
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
  return found ?? fail(`"${script}" needs "${name}", which is not on this machine`, `Install ${name}.`);
}

function newestPostgres(program: string): string | undefined {
  const home = '/usr/lib/postgresql';
  const versions = existsSync(home) ? readdirSync(home).filter((name) => /^\d/.test(name)) : [];
  return versions
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(home, version, 'bin', program))
    .find((path) => existsSync(path));
}

function firstLine(path: string): string {
  const file = openSync(path, 'r');
  try {
    const start = Buffer.alloc(256);
    const text = start.toString('latin1', 0, readSync(file, start, 0, start.length, 0));
    return text.split('\n', 1)[0] ?? '';
  } finally {
    closeSync(file);
  }
}
