import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { extname } from 'node:path';
import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { MinkeError } from '../../errors/index.ts';
import { openPipe } from '../../linux/pipe.ts';
import type { ArchiveAction, ArchiveAnswer, ArchiveTask, FileLook } from './task.ts';

/** Files of a living container, by a name for its root on the host. */
export interface Archives {
  look(root: string, path: string): Promise<FileLook>;
  /** The archive breaks off where something goes wrong in the middle, and `ended` rejects. */
  read(
    root: string,
    path: string,
    options?: { readonly isRootOnly?: boolean },
  ): { readonly archive: Readable; readonly ended: Promise<void> };
  /** `archive`: a file of the host. `keepsKinds`: no file takes the place of a folder, nor a folder that of a file. */
  write(root: string, path: string, archive: string, keepsKinds: boolean): Promise<void>;
}

export function createArchives(): Archives {
  return {
    look: async (root, path) => {
      const answer = await perform(root, { kind: 'look', path });
      if ('look' in answer) return answer.look;
      throw new Error('A look without an answer');
    },
    read: (root, path, { isRootOnly = false } = {}) => {
      const pipe = openPipe();
      const ended = perform(root, { kind: 'read', path, output: pipe.write, isRootOnly })
        .then(() => undefined)
        .finally(() => closeSync(pipe.write));
      // Whoever is told waits for the archive first.
      ended.catch(() => undefined);
      return { archive: new Socket({ fd: pipe.read, readable: true, writable: false }), ended };
    },
    write: async (root, path, archive, keepsKinds) => {
      await perform(root, { kind: 'write', path, archive, keepsKinds });
    },
  };
}

/** One that has nothing to do is kept, since the next call is often a part of the same copy. */
const idle: Worker[] = [];

async function perform(root: string, action: ArchiveAction): Promise<Exclude<ArchiveAnswer, { failed: object }>> {
  const worker = idle.pop() ?? startWorker();
  const answer = await ask(worker, { root, action });
  if (idle.length === 0) idle.push(worker);
  else await worker.terminate();
  if ('failed' in answer) throw failure(action.path, answer.failed);
  return answer;
}

function startWorker(): Worker {
  const file = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
  return new Worker(file, { execArgv: ['--disable-warning=ExperimentalWarning'] });
}

/** Idle, it keeps no process alive. */
async function ask(worker: Worker, task: ArchiveTask): Promise<ArchiveAnswer> {
  worker.ref();
  const ended = new AbortController();
  const { signal } = ended;
  try {
    const gone = once(worker, 'exit', { signal }).then((): never => {
      throw new MinkeError('INTERNAL', { reason: 'a thread ended without an answer' });
    });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
    worker.postMessage(task);
    const [answer] = await Promise.race([once(worker, 'message', { signal }), gone]);
    return answer as ArchiveAnswer;
  } finally {
    ended.abort();
    worker.unref();
  }
}

function failure(path: string, { code, message }: { readonly code: string; readonly message: string }): MinkeError {
  if (code === 'ENOENT') return new MinkeError('NO_SUCH', { kind: 'container:path', name: path });
  if (code === 'ENOTDIR') return new MinkeError('BAD_REQUEST', { reason: `${path}: ${message}` });
  if (code === 'ENOSYS') return new MinkeError('NOT_SUPPORTED', { what: 'Copying this', reason: message });
  return new MinkeError('CONFLICT', { reason: `Cannot copy ${path}: ${message}` });
}
