import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeFiles } from '../testing/images.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { checkModules } from './check-modules.ts';
import { failFor } from './request.ts';

const folder = temporaryFolder();
const manifest = { dependencies: { left: '^1.0.0' } };
const left = { version: '1.0.0', integrity: 'sha512-left' };
const lock = { '': manifest, 'node_modules/left': left };
let count = 0;

/** An app folder with these `packages` in its lock file and in what npm installed. */
function app(locked: object | undefined, installed: object | undefined): string {
  count += 1;
  const path = join(folder, String(count));
  mkdirSync(path);
  writeFiles(path, {
    ...(locked === undefined ? {} : { 'package-lock.json': JSON.stringify({ packages: locked }) }),
    ...(installed === undefined ? {} : { 'node_modules/.package-lock.json': JSON.stringify({ packages: installed }) }),
  });
  return path;
}

const check = (path: string, asked: object = manifest): void => checkModules(path, asked, failFor(path));

describe('node_modules', () => {
  it('are taken when they are what the lock file says', () => {
    expect(() => check(app(lock, { 'node_modules/left': left }))).not.toThrow();
  });

  it('may lack what npm rightly leaves out', () => {
    const optional = {
      'node_modules/mac': { version: '1.0.0', optional: true },
      'node_modules/test': { version: '1.0.0', dev: true },
    };
    expect(() => check(app({ ...lock, ...optional }, { 'node_modules/left': left }))).not.toThrow();
  });

  it('are not needed where nothing is asked for', () => {
    expect(() => check(app(undefined, undefined), {})).not.toThrow();
    expect(() => check(app({ '': {} }, undefined), {})).not.toThrow();
  });

  const older = { 'node_modules/left': { version: '0.9.0', integrity: 'sha512-old' } };
  const surplus = { 'node_modules/left': left, 'node_modules/right': { version: '1.0.0' } };
  it.each([
    ['are missing', lock, undefined, manifest, 'node_modules is missing', 'npm ci'],
    ['lack a package', lock, {}, manifest, 'node_modules/left, which is not installed', 'npm ci'],
    [
      'have another version',
      lock,
      older,
      manifest,
      'installed as 0.9.0, but package-lock.json asks for 1.0.0',
      'npm ci',
    ],
    ['have a package too many', lock, surplus, manifest, 'node_modules/right is installed', 'npm ci'],
    [
      'have an older lock file',
      lock,
      { 'node_modules/left': left },
      { dependencies: { left: '^2.0.0' } },
      'differ on left',
      'npm install',
    ],
    ['have no lock file and no package', undefined, undefined, manifest, 'asks for left', 'npm install'],
  ])('are refused when they %s, with the command that mends it', (_, locked, installed, asked, reason, mend) => {
    expect(() => check(app(locked, installed), asked)).toThrow(
      expect.objectContaining({
        code: 'PACK_FAILED',
        message: expect.stringContaining(reason),
        hint: expect.stringContaining(mend),
      }),
    );
  });
});
