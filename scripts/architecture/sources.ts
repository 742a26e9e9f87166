import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Files } from './check.ts';

/** Every source file under `folder`. */
export async function readSources(folder: string): Promise<Files> {
  const files = new Map<string, string>();
  for await (const path of glob('**/*.{ts,mts,js,mjs,cjs}', { cwd: folder })) {
    files.set(path, await readFile(join(folder, path), 'utf8'));
  }
  return files;
}
