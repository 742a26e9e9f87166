import { closeSync, existsSync, openSync, statfsSync } from 'node:fs';
import { checked, setns } from './libc.ts';

/** CLONE_NEWNET (linux/sched.h) */
const networkNamespace = 0x40000000;

/** NSFS_MAGIC (linux/magic.h): the file is a living namespace and not the empty file it was mounted on. */
export function isNamespace(file: string): boolean {
  const nsfs = 0x6e736673;
  return existsSync(file) && statfsSync(file).type === nsfs;
}

let own: number | undefined;

/**
 * Runs `action` with this thread inside the network namespace of a file (a bind-mounted nsfs inode), and comes back. It
 * must be synchronous: what runs a tick later runs in the wrong namespace. Costs about 3 us.
 */
export function inNetworkNamespace<T>(path: string, action: () => T): T {
  own ??= openSync('/proc/thread-self/ns/net', 'r');
  const there = openSync(path, 'r');
  try {
    checked('setns', setns(there, networkNamespace), path);
    try {
      return action();
    } finally {
      checked('setns', setns(own, networkNamespace), 'back');
    }
  } finally {
    closeSync(there);
  }
}
