import { parentPort, workerData } from 'node:worker_threads';
import { MinkeError, toMinkeError } from '../errors/index.ts';
import { createOperations } from './operations.ts';
import type { Answer, Call, WorkerSettings } from './worker-messages.ts';

// The thread behind the image store: takes calls in order, answers each.
const { folder, nodePath } = workerData as WorkerSettings;
const operations = createOperations(folder, nodePath);
let queue: Promise<void> = Promise.resolve();

parentPort?.on('message', (call: Call) => {
  queue = queue.then(async () => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
    parentPort?.postMessage(await answer(call));
  });
});

async function answer({ id, method, args }: Call): Promise<Answer> {
  try {
    const run = operations[method] as (...given: readonly unknown[]) => unknown;
    return { id, value: await run(...args) };
  } catch (error) {
    return { id, error: asError(error).toJSON() };
  }
}

function asError(error: unknown): MinkeError {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new MinkeError('OUT_OF_DISK', { what: `an image in ${folder}` }, { cause: error });
  return toMinkeError(error);
}
