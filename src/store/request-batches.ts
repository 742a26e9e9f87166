import { fromErrorBody, MinkeError, toMinkeError } from '../errors/index.ts';
import type { StoreAnswer, StoreRequest } from './operations.ts';

/** Requests on their way to what keeps the state, one batch at a time. */
export interface RequestBatches {
  ask(request: StoreRequest): Promise<unknown>;
  /** The answers to the batch that is away, in its order. */
  answered(answers: readonly StoreAnswer[]): void;
  /** Whatever waits or is away, and whatever is asked from now on, rejects with this. The first call counts. */
  refuse(error: Error): void;
  /** Resolves once nothing waits and nothing is away. */
  drained(): Promise<void>;
}

/** Bounds how long the first of a batch waits for the last; a bigger batch saves next to nothing. */
const batchLimit = 1000;

interface Pending {
  readonly request: StoreRequest;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * While a batch is away, whatever is asked waits here and goes as the next one: the slower the disk, the more requests
 * share a sync.
 */
export function createRequestBatches(send: (requests: readonly StoreRequest[]) => void): RequestBatches {
  let waiting: Pending[] = [];
  let away: Pending[] = [];
  let isScheduled = false;
  let refusal: Error | undefined;
  let whenDrained: (() => void)[] = [];

  function schedule(): void {
    if (isScheduled || away.length > 0) return;
    isScheduled = true;
    queueMicrotask(sendNext);
  }

  function sendNext(): void {
    isScheduled = false;
    away = waiting.splice(0, batchLimit);
    if (away.length === 0) return;
    try {
      send(away.map(({ request }) => request));
    } catch (thrown) {
      // Only a value that is no plain data cannot be sent: a mistake of ours, and nothing of the batch went.
      answered(away.map(() => ({ error: toMinkeError(thrown).toJSON() })));
    }
  }

  function answered(answers: readonly StoreAnswer[]): void {
    const batch = away;
    away = [];
    sendNext();
    for (const [index, pending] of batch.entries()) settle(pending, answers[index]);
    tellDrained();
  }

  function tellDrained(): void {
    if (waiting.length + away.length > 0) return;
    for (const tell of whenDrained) tell();
    whenDrained = [];
  }

  return {
    ask: async (request) => {
      if (refusal !== undefined) throw refusal;
      return new Promise((resolve, reject) => {
        waiting.push({ request, resolve, reject });
        schedule();
      });
    },
    answered,
    refuse: (error) => {
      refusal ??= error;
      const lost = [...away, ...waiting];
      away = [];
      waiting = [];
      for (const { reject } of lost) reject(refusal);
      tellDrained();
    },
    drained: async () =>
      new Promise((resolve) => {
        whenDrained.push(resolve);
        tellDrained();
      }),
  };
}

function settle({ resolve, reject }: Pending, answer: StoreAnswer | undefined): void {
  if (answer === undefined) reject(new MinkeError('INTERNAL', { reason: 'the store gave no answer' }));
  else if ('value' in answer) resolve(answer.value);
  else reject(fromErrorBody(answer.error));
}
