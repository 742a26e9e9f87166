import { closeSync, constants, openSync } from 'node:fs';
import { chdir, checked, chroot, fchdir, unshare } from './libc.ts';

/** CLONE_FS (linux/sched.h): root and working folder. */
const ownRootAndFolder = 0x200;

/**
 * Runs `action` while a folder is the root of the calling thread, and of no other: absolute paths, links and `..` lead nowhere else
 * meanwhile. For a thread of its own and an `action` that calls the synchronous functions of `fs` alone: the others run elsewhere.
 */
export function inRoot<T>(folder: string, action: () => T): T {
  checked('unshare', unshare(ownRootAndFolder));
  const host = openSync('/', constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    checked('chroot', chroot(folder), folder);
    checked('chdir', chdir('/'));
    return action();
  } finally {
    checked('fchdir', fchdir(host));
    checked('chroot', chroot('.'), 'back');
    closeSync(host);
  }
}
