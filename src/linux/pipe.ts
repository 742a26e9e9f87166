import { closeSync, readSync } from 'node:fs';
import { checked, eventfd, ioctl, mkfifo, pipe2, socketpair } from './libc.ts';

/** O_CLOEXEC: nothing that we open is inherited by accident. (asm-generic/fcntl.h) */
const closeOnExec = 0o2000000;
const nonBlocking = 0o4000;

export interface Pipe {
  readonly read: number;
  readonly write: number;
}

/** pipe2(2) with O_CLOEXEC. Both ends are the caller's to close. */
export function openPipe(): Pipe {
  const fds: [number, number] = [-1, -1];
  checked('pipe2', pipe2(fds, closeOnExec));
  return { read: fds[0], write: fds[1] };
}

/** All of them, or none: what was opened before one fails is closed again. */
export function openPipes(count: number): Pipe[] {
  const pipes: Pipe[] = [];
  try {
    while (pipes.length < count) pipes.push(openPipe());
    return pipes;
  } catch (error) {
    for (const { read, write } of pipes) [read, write].forEach((fd) => closeSync(fd));
    throw error;
  }
}

/** What a pipe holds at this moment, up to a page of it; it has to be in non-blocking mode, as it is once a Socket has it. */
export function readNow(fd: number): Buffer {
  const buffer = Buffer.alloc(4096);
  try {
    return buffer.subarray(0, readSync(fd, buffer));
  } catch {
    return buffer.subarray(0, 0);
  }
}

/** What a pipe holds at this moment: FIONREAD, pipe(7). */
export function unreadBytes(fd: number): number {
  const inputQueue = 0x541b;
  const bytes: [number] = [0];
  checked('ioctl', ioctl(fd, inputQueue, bytes));
  return bytes[0];
}

/** A connected pair of Unix stream sockets, close-on-exec. */
export function openSocketPair(): readonly [number, number] {
  const unix = 1;
  const stream = 1;
  const fds: [number, number] = [-1, -1];
  checked('socketpair', socketpair(unix, stream | closeOnExec, 0, fds));
  return fds;
}

export function makeFifo(path: string): void {
  checked('mkfifo', mkfifo(path, 0o600), path);
}

/** eventfd(2): a counter that reads as 8 bytes, EAGAIN while it is zero. */
export function openEventCounter(): number {
  return checked('eventfd', eventfd(0, closeOnExec | nonBlocking));
}
