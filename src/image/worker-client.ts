import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { fromErrorBody, MinkeError } from '../errors/index.ts';
import type { Operations } from './operations.ts';
import type { Answer, Call, WorkerSettings } from './worker-messages.ts';

/** Calls into the worker, which starts with the first one and is started anew should it die. */
export interface WorkerClient {
  call<M extends keyof Operations>(
    method: M,
    ...args: Parameters<Operations[M]>
  ): Promise<Awaited<ReturnType<Operations[M]>>>;
  /** Ends the worker; calls under way reject. */
  close(): Promise<void>;
}

export function createWorkerClient(settings: WorkerSettings): WorkerClient {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let worker: Worker | undefined;
  let lastId = 0;
  const fail = (error: Error): void => {
    worker = undefined;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const start = (): Worker => {
    const started = startWorker(settings);
    started.on('message', (answer: Answer) => {
      settle(waiting, answer);
      if (waiting.size === 0) started.unref();
    });
    started.on('error', (cause) => fail(lost(cause)));
    started.on('exit', () => {
      if (worker === started) fail(lost());
    });
    return started;
  };
  return {
    call: async <M extends keyof Operations>(
      method: M,
      ...args: Parameters<Operations[M]>
    ): Promise<Awaited<ReturnType<Operations[M]>>> => {
      worker ??= start();
      lastId += 1;
      const promise = Promise.withResolvers<unknown>();
      waiting.set(lastId, promise);
      // A call under way keeps the process alive; an idle worker does not.
      worker.ref();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
      worker.postMessage({ id: lastId, method, args } satisfies Call);
      return (await promise.promise) as Awaited<ReturnType<Operations[M]>>;
    },
    close: async () => {
      const ending = worker;
      fail(lost());
      await ending?.terminate();
    },
  };
}

/** Source and compiled code lie in the same shape, with another ending. */
function startWorker(settings: WorkerSettings): Worker {
  const file = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
  // Type stripping announces itself as experimental on the daemon's stderr.
  const worker = new Worker(file, { workerData: settings, execArgv: ['--disable-warning=ExperimentalWarning'] });
  worker.unref();
  return worker;
}

function settle(waiting: Map<number, PromiseWithResolvers<unknown>>, answer: Answer): void {
  const promise = waiting.get(answer.id);
  waiting.delete(answer.id);
  if ('error' in answer) promise?.reject(fromErrorBody(answer.error));
  else promise?.resolve(answer.value);
}

function lost(cause?: unknown): MinkeError {
  const reason = cause instanceof Error ? `the image store broke off: ${cause.message}` : 'the image store was closed';
  return new MinkeError('INTERNAL', { reason }, cause === undefined ? {} : { cause });
}
