import { flock } from './libc.ts';

/** flock(2), exclusive and without waiting: false when another process has it. Let go of when the descriptor is closed. */
export function tryLock(fd: number): boolean {
  const exclusive = 2;
  const nonBlocking = 4;
  return flock(fd, exclusive | nonBlocking) === 0;
}
