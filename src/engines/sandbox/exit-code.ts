import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What the shell around an instance has written of its end into the instance's folder: undefined while there is nothing, and where the
 * line has no end, since the shell was killed or there was no room. So the shell needs no rename, which would be another process at
 * the end of each container.
 */
export function readExitCode(home: string): number | undefined {
  try {
    const code = /^(\d+)\n$/.exec(readFileSync(join(home, 'exit'), 'utf8'))?.[1];
    return code === undefined ? undefined : Number(code);
  } catch {
    return undefined;
  }
}
