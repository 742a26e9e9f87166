import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Fail } from '../runtime/include.ts';
import { readJsonFile, type PackageJson } from './package-json.ts';

/**
 * Throws PACK_FAILED where node_modules is not what package.json and package-lock.json ask for: it is packed as found, so
 * a stale one would run in production. npm writes what it installed to node_modules/.package-lock.json; content is
 * compared and not dates, which a checkout sets anew.
 */
export function checkModules(folder: string, manifest: PackageJson, fail: Fail): void {
  const lock = readPackages(folder, 'package-lock.json', fail);
  const installed = readPackages(folder, 'node_modules/.package-lock.json', fail);
  if (lock === undefined) return checkPresence(folder, manifest, fail);
  checkLock(lock, manifest, fail);
  const wanted = Object.entries(lock).filter(([path, entry]) => path !== '' && !isLeftOut(entry));
  if (installed === undefined && wanted.length > 0)
    fail('node_modules is missing, though package-lock.json names packages', 'Run in it: npm ci');
  for (const [path, entry] of wanted) checkInstalled(path, entry, installed?.[path], fail);
  const surplus = Object.keys(installed ?? {}).find((path) => lock[path] === undefined);
  if (surplus !== undefined)
    fail(`${surplus} is installed, but package-lock.json does not name it`, 'Run in it: npm ci');
}

interface LockEntry {
  readonly version?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly optional?: boolean;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly peer?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

type Packages = Readonly<Record<string, LockEntry>>;

function readPackages(folder: string, name: string, fail: Fail): Packages | undefined {
  return (readJsonFile(join(folder, name), name, fail) as { packages?: Packages } | undefined)?.packages;
}

/** Packages that npm may rightly not have installed: for another platform, or with --omit=dev. */
const isLeftOut = (entry: LockEntry): boolean =>
  entry.optional === true ||
  entry.dev === true ||
  entry.devOptional === true ||
  entry.peer === true ||
  entry.link === true;

function checkPresence(folder: string, manifest: PackageJson, fail: Fail): void {
  const missing = Object.keys(manifest.dependencies ?? {}).find(
    (name) => !existsSync(join(folder, 'node_modules', name)),
  );
  if (missing !== undefined)
    fail(`package.json asks for ${missing}, which is not in node_modules`, 'Run in it: npm install');
}

function checkLock(lock: Packages, manifest: PackageJson, fail: Fail): void {
  const root = lock[''] ?? {};
  for (const key of ['dependencies', 'devDependencies', 'optionalDependencies'] as const) {
    const [asked, locked] = [manifest[key] ?? {}, root[key] ?? {}];
    const name = [...Object.keys(asked), ...Object.keys(locked)].find((one) => asked[one] !== locked[one]);
    if (name !== undefined)
      fail(`package-lock.json is older than package.json: they differ on ${name}`, 'Run in it: npm install');
  }
}

function checkInstalled(path: string, wanted: LockEntry, found: LockEntry | undefined, fail: Fail): void {
  if (found === undefined) fail(`package-lock.json names ${path}, which is not installed`, 'Run in it: npm ci');
  else if (found.version !== wanted.version || found.integrity !== wanted.integrity) {
    fail(
      `${path} is installed as ${found.version}, but package-lock.json asks for ${wanted.version}`,
      'Run in it: npm ci',
    );
  }
}
