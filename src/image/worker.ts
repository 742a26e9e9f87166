import { parentPort, workerData } from 'node:worker_threads';
import { toMinkeError, type MinkeError } from '../errors/index.ts';
import { nameShortage } from '../linux/shortage.ts';
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
  return toMinkeError(nameShortage(error, { what: 'an image', action: 'work on an image', folders: [folder] }));
}
