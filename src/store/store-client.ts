import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { fromErrorBody, MinkeError, toMinkeError } from '../errors/index.ts';
import { createRequestBatches } from './request-batches.ts';
import type { OperationName, Operations, WorkerMessage } from './sqlite-operations.ts';

/** The way to the worker that owns the database. */
export interface StoreClient {
  /** Resolves once it is on disk. */
  readonly call: <Name extends OperationName>(
    name: Name,
    ...args: Parameters<Operations[Name]>
  ) => Promise<ReturnType<Operations[Name]>>;
  /** Carries out what was asked before, refuses the rest, and lets go of the file. */
  readonly close: () => Promise<void>;
}

/** @throws DATA_FOLDER or OUT_OF_DISK when the file cannot be opened. */
export async function openStoreClient(file: string): Promise<StoreClient> {
  const worker = startWorker(file);
  const batches = createRequestBatches((requests) => worker.postMessage(requests, []));
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  worker.on('error', (error) => batches.refuse(toMinkeError(error)));
  worker.once('exit', () => batches.refuse(new MinkeError('INTERNAL', { reason: 'the store has ended' })));
  await opened(worker);
  worker.on('message', (message: WorkerMessage) => {
    if ('answers' in message) batches.answered(message.answers);
  });

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await batches.drained();
    batches.refuse(isClosed());
    worker.postMessage('close', []);
    await ended;
  };
  return {
    call: async <Name extends OperationName>(name: Name, ...args: Parameters<Operations[Name]>) => {
      if (closing !== undefined) throw isClosed();
      return (await batches.ask({ name, args })) as ReturnType<Operations[Name]>;
    },
    close: () => (closing ??= close()),
  };
}

const isClosed = (): MinkeError => new MinkeError('INTERNAL', { reason: 'the store is closed' });

/** The worker is a file of its own: TypeScript in the repository, JavaScript in the published package. */
function startWorker(file: string): Worker {
  const extension = extname(new URL(import.meta.url).pathname);
  return new Worker(new URL(`./sqlite-worker${extension}`, import.meta.url), {
    workerData: { file },
    name: 'minke-store',
  });
}

async function opened(worker: Worker): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    worker.once('message', (message: WorkerMessage) => {
      if ('refused' in message) reject(fromErrorBody(message.refused));
      else resolve();
    });
    worker.once('error', reject);
    worker.once('exit', () => reject(new MinkeError('INTERNAL', { reason: 'the store ended while it was opening' })));
  });
}
