import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fail } from '../runtime/include.ts';

/** The parts of package.json that packing goes by. */
export interface PackageJson {
  readonly main?: string;
  readonly scripts?: { readonly start?: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export function readPackageJson(folder: string, fail: Fail): PackageJson | undefined {
  return readJsonFile(join(folder, 'package.json'), 'package.json', fail) as PackageJson | undefined;
}

/** Undefined where there is no such file. */
export function readJsonFile(path: string, label: string, fail: Fail): unknown {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    return fail(`${label} is not JSON: ${error instanceof Error ? error.message : String(error)}`, `Mend ${label}.`);
  }
}
