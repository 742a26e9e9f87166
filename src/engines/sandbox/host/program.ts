import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { MinkeError } from '../../../errors/index.ts';

/** Where a program of the host lies, searching PATH and the places that PATH forgets for people who are not root. */
export function findProgram(name: string, pathVariable = process.env['PATH'] ?? ''): string | undefined {
  const folders = [
    ...pathVariable.split(':'),
    '/usr/local/sbin',
    '/usr/sbin',
    '/sbin',
    '/usr/local/bin',
    '/usr/bin',
    '/bin',
  ];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** `purpose` ends the sentence "X, which ...". */
export function requireProgram(name: string, purpose: string, debianPackage: string): string {
  const found = findProgram(name);
  if (found !== undefined) return found;
  throw new MinkeError('MISSING_PROGRAM', { program: name, purpose, install: `apt-get install ${debianPackage}` });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
