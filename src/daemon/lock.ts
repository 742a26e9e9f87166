import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { MinkeError } from '../errors/index.ts';
import { tryLock } from '../linux/lock.ts';

/**
 * Makes this process the one daemon of a data folder. The kernel holds the lock and lets go of it when the process ends,
 * however it ends.
 *
 * @throws DAEMON_RUNNING, DATA_FOLDER when nothing can be written there
 */
export function lockDataFolder(folder: string): { release(): void } {
  const path = join(folder, 'daemon.lock');
  const fd = open(folder, path);
  if (!tryLock(fd)) {
    closeSync(fd);
    throw new MinkeError('DAEMON_RUNNING', { folder, pid: readFileSync(path, 'utf8').trim() });
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  return { release: () => closeSync(fd) };
}

function open(folder: string, path: string): number {
  try {
    return openSync(path, 'a+');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MinkeError('DATA_FOLDER', { folder, reason }, { cause });
  }
}
