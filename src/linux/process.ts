import { readdirSync } from 'node:fs';
import {
  attributesDestroy,
  attributesInit,
  attributesSetFlags,
  attributesSetSignalDefault,
  attributesSetSignalMask,
  fcntl,
  fileActionsAddDup2,
  fileActionsAddOpen,
  fileActionsDestroy,
  fileActionsInit,
  posixSpawn,
  SystemCallError,
  waitpid,
} from './libc.ts';

/** What a descriptor of the new process is: a path opened for it, or one of ours. */
export type DescriptorSource =
  | { readonly path: string; readonly access: 'read' | 'write' | 'both' }
  | { readonly fd: number };

export interface ProcessRequest {
  /** Absolute path of the program; `argv[0]` may differ. */
  readonly path: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** By number; the rest is closed, since everything of ours is close-on-exec. */
  readonly descriptors: readonly DescriptorSource[];
  /** A session of its own: it gets no signal meant for our terminal, and outlives us. */
  readonly ownSession: boolean;
}

/** How a process ended; `code` as a shell gives it, 128 + n for signal n. */
export interface ProcessEnd {
  readonly pid: number;
  readonly code: number;
}

// Sizes from glibc's <spawn.h> (80 and 336 bytes on 64-bit), with room to spare.
const actionsSize = 256;
const attributesSize = 512;
/** POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK */
const resetSignals = 0x04 | 0x08;
/** POSIX_SPAWN_SETSID, glibc 2.26 and later */
const newSession = 0x80;
const openFlags = { read: 0, write: 1, both: 2 } as const;

// A sigset_t is 128 bytes. Node ignores SIGPIPE and an ignored signal is inherited through exec, so all go back to default.
const allSignals = Buffer.alloc(128, 0xff);
const noSignals = Buffer.alloc(128);

/**
 * posix_spawn(3): starts a process without forking Node, whose own spawn stops the event loop for 1 to 13 ms, longer the
 * bigger Node is. Answers the pid; the caller reaps it (`reapEnded`). Throws SystemCallError (ENOENT, EACCES ...).
 */
export function startProcess(request: ProcessRequest): number {
  const actions = Buffer.alloc(actionsSize);
  const attributes = Buffer.alloc(attributesSize);
  fileActionsInit(actions);
  attributesInit(attributes);
  try {
    request.descriptors.forEach((source, fd) => addDescriptor(actions, fd, source));
    attributesSetSignalDefault(attributes, allSignals);
    attributesSetSignalMask(attributes, noSignals);
    attributesSetFlags(attributes, resetSignals | (request.ownSession ? newSession : 0));
    return spawn(request, actions, attributes);
  } finally {
    fileActionsDestroy(actions);
    attributesDestroy(attributes);
  }
}

/**
 * waitpid(2) without waiting: the next child that has ended, or undefined when none has. `pid` asks for one child only,
 * which a process must do that also has children of Node's own.
 */
export function reapEnded(pid = -1): ProcessEnd | undefined {
  const noHang = 1;
  const status: [number] = [0];
  const ended = waitpid(pid, status, noHang) as number;
  return ended > 0 ? { pid: ended, code: exitCode(status[0]) } : undefined;
}

/** Marks what this process inherited (beyond the standard streams and `keep`) so that no child inherits it again. */
export function closeInheritedOnExec(keep: readonly number[] = []): void {
  const setDescriptorFlags = 2;
  const closeOnExec = 1;
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name);
    if (fd > 2 && !keep.includes(fd)) fcntl(fd, setDescriptorFlags, 'int', closeOnExec);
  }
}

function spawn(request: ProcessRequest, actions: Buffer, attributes: Buffer): number {
  const pid: [number] = [0];
  const env = Object.entries(request.env).map(([key, value]) => `${key}=${value}`);
  const errno = posixSpawn(pid, request.path, actions, attributes, [...request.argv, null], [...env, null]) as number;
  if (errno !== 0) throw new SystemCallError('posix_spawn', errno, request.path);
  return pid[0];
}

function addDescriptor(actions: Buffer, fd: number, source: DescriptorSource): void {
  if ('path' in source) fileActionsAddOpen(actions, fd, source.path, openFlags[source.access], 0);
  else fileActionsAddDup2(actions, source.fd, fd);
}

/** wait(2): low seven bits are the signal, the next byte the exit status. */
function exitCode(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}
