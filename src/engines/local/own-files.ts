import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InstanceFile } from '../../model/instance.ts';
import type { OciUser } from './users.ts';

/**
 * Makes the files of one instance (its secrets) inside its folder, so that they go with it however it ends, and answers where each
 * lies once the folder is at `home`. Nobody but root gets at them by the host: the container sees the files alone.
 */
export function makeOwnFiles(
  files: readonly InstanceFile[],
  user: OciUser,
  folder: string,
  home: string,
): Readonly<Record<string, string>> {
  if (files.length === 0) return {};
  mkdirSync(join(folder, 'files'), { mode: 0o700 });
  return Object.fromEntries(
    files.map(({ target, content, mode, uid = user.uid, gid = user.gid }, index) => {
      const path = join(folder, 'files', String(index));
      writeFileSync(path, content, { mode: 0o600, flag: 'wx' });
      chownSync(path, uid, gid);
      chmodSync(path, mode);
      return [target, join(home, 'files', String(index))];
    }),
  );
}
