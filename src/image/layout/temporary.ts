import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Names for things that are being made. What a killed process left behind is removed when its folder is opened again. */
export interface Temporary {
  /** A path in it that nothing has yet. */
  newPath(): string;
  /** Moves what was made to its final place; when that exists already (same content, same name) what was made is dropped. */
  settle(path: string, target: string): void;
}

export function openTemporary(folder: string): Temporary {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder))
    if (!isOwned(name)) rmSync(join(folder, name), { recursive: true, force: true });
  return {
    newPath: () => join(folder, `${process.pid}-${randomBytes(8).toString('hex')}`),
    settle: (path, target) => {
      if (existsSync(target)) rmSync(path, { recursive: true, force: true });
      else renameSync(path, target);
    },
  };
}

/** Its first part is the process that made it. */
function isOwned(name: string): boolean {
  const pid = Number.parseInt(name, 10);
  if (!(pid > 0)) return false;
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
