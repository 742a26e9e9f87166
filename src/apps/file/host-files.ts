import { readFileSync, statSync } from 'node:fs';

/** What the app file refers to on the host: env files, folders to build, paths to mount. */
export interface HostFiles {
  /** Undefined when there is no such file; throws when it cannot be read. */
  read(path: string): string | undefined;
  kindOf(path: string): 'file' | 'folder' | 'none';
}

/** Synchronous: an app file is a handful of small files, read on a deploy and never on the way of a request. */
export const hostFiles: HostFiles = {
  read: (path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  },
  kindOf: (path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return 'none';
    return found.isDirectory() ? 'folder' : 'file';
  },
};

const isAbsent = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
