import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { fromErrorBody, MinkeError, toMinkeError, type ErrorBody } from '../errors/index.ts';
import { createRequestBatches } from './request-batches.ts';
import type { StoreAnswer } from './operations.ts';
import { createStoreClient, type StoreClient } from './store-client.ts';

/** The worker's first message, then one for each batch, then one when it was asked to close. */
export type WorkerMessage =
  | { readonly opened: true }
  | { readonly refused: ErrorBody }
  | { readonly answers: readonly StoreAnswer[] };

/** @throws DATA_FOLDER or OUT_OF_DISK when the file cannot be opened. */
export async function openSqliteClient(file: string): Promise<StoreClient> {
  const worker = startWorker(file);
  const batches = createRequestBatches((requests) => worker.postMessage(requests, []));
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  worker.on('error', (error) => batches.refuse(toMinkeError(error)));
  worker.once('exit', () => batches.refuse(new MinkeError('INTERNAL', { reason: 'the store has ended' })));
  await opened(worker);
  worker.on('message', (message: WorkerMessage) => {
    if ('answers' in message) batches.answered(message.answers);
  });

  return createStoreClient(batches, async () => {
    worker.postMessage('close', []);
    await ended;
  });
}

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
