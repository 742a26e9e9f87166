import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes of all files in it; what comes or goes meanwhile may count or not. */
export async function measureFolder(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  let bytes = 0;
  for (const name of names) bytes += (await lstat(join(folder, name)).catch(() => undefined))?.size ?? 0;
  return bytes;
}
