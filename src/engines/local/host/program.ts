import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { MinkeError } from '../../../errors/index.ts';
import { missingProgram, type HostProgram } from '../../../model/host.ts';

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

/** @throws MISSING_PROGRAM */
export function requireProgram(program: HostProgram): string {
  const found = findProgram(program.name);
  if (found !== undefined) return found;
  const { code, facts } = missingProgram(program, { isRoot: true, hasProgram });
  throw new MinkeError(code, facts);
}

export const hasProgram = (name: string): boolean => findProgram(name) !== undefined;

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
