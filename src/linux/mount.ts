import { checked, mount, SystemCallError, umount2 } from './libc.ts';
import koffi from 'koffi';

// Flags of mount(2) and umount2(2).
const bindFlag = 4096;
const moveFlag = 8192;
const recursive = 16384;
const detach = 2;

export function mountTmpfs(target: string): void {
  checked('mount', mount('tmpfs', target, 'tmpfs', 0, null), target);
}

export function bindMountTree(source: string, target: string): void {
  checked('mount', mount(source, target, null, bindFlag | recursive, null), target);
}

export function moveMount(source: string, target: string): void {
  checked('mount', mount(source, target, null, moveFlag, null), target);
}

/** An overlay of `lower` in which writes go to `upper`; `work` is its scratch folder on the same file system. */
export function mountOverlay(lower: string, upper: string, work: string, target: string): void {
  const options = `lowerdir=${escape(lower)},upperdir=${escape(upper)},workdir=${escape(work)}`;
  checked('mount', mount('overlay', target, 'overlay', 0, options), target);
}

/** Lazily (MNT_DETACH): gone from view at once, freed when nobody uses it. What is not mounted is no error. */
export function unmount(target: string): void {
  if (umount2(target, detach) === 0) return;
  const error = new SystemCallError('umount2', koffi.errno(), target);
  if (error.code !== 'EINVAL' && error.code !== 'ENOENT') throw error;
}

/** Overlay's own separators inside a path. */
const escape = (path: string): string => path.replace(/([\\:,])/g, '\\$1');
