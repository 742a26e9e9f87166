import { closeSync, mkdtempSync, mkdirSync, openSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { host } from './isolation-fixtures.ts';

/** A file system in memory that is soon full. */
export interface SmallDisk {
  readonly folder: string;
  /** Leaves no byte, or no file, for anybody else. */
  fill(kind: 'bytes' | 'files'): void;
  free(): void;
  /** What the file system is mounted with (tmpfs(5)). */
  remount(options: string): void;
  /** Nobody may use it any more. */
  remove(): void;
}

/** `options`: of tmpfs(5), such as `size=60m`. */
export function mountSmallDisk(options: string): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'minke-test-'));
  host('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', folder);
  return {
    folder,
    ...ballastIn(folder),
    remount: (changed) => void host('mount', '-o', `remount,${changed}`, folder),
    remove: () => {
      host('umount', folder);
      rmSync(folder, { recursive: true });
    },
  };
}

/** The same for a file system that somebody else has mounted. */
export function ballastIn(folder: string): Pick<SmallDisk, 'fill' | 'free'> {
  const isBallast = (name: string): boolean => name.startsWith('ballast-');
  return {
    fill: (kind) => {
      const ballast = join(folder, 'ballast-');
      if (kind === 'files') mkdirSync(`${ballast}files`, { recursive: true });
      const hasRoom = (): boolean => {
        const { bavail, ffree } = statfsSync(folder);
        return (kind === 'bytes' ? bavail : ffree) > 0;
      };
      // Others give room back meanwhile.
      for (let turn = 0; turn === 0 || hasRoom(); turn += 1) {
        if (turn === 100) throw new Error(`${folder} does not get full`);
        if (kind === 'bytes')
          for (const bytes of [2 ** 20, 4096])
            untilNoSpace(() => writeFileSync(`${ballast}${bytes}`, Buffer.alloc(bytes), { flag: 'a' }));
        else untilNoSpace((count) => closeSync(openSync(join(`${ballast}files`, `${turn}-${count}`), 'w')));
      }
    },
    free: () => {
      for (const name of readdirSync(folder).filter(isBallast)) rmSync(join(folder, name), { recursive: true });
    },
  };
}

function untilNoSpace(take: (count: number) => void): void {
  for (let count = 0; ; count += 1) {
    try {
      take(count);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
      throw error;
    }
  }
}
