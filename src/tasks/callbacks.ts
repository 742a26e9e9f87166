import type { Id } from '../model/ids.ts';
import type { RetryRules, Run } from '../model/run.ts';
import type { Clock } from '../observe/clock.ts';
import type { Log } from '../observe/log.ts';
import type { Timeline } from '../observe/timeline.ts';
import type { RunStore } from '../store/store.ts';
import { callbackMessage, callbackResultBytes } from './callback-message.ts';
import { postCallback } from './callback-post.ts';
import { callbackEvent } from './events.ts';
import type { Persist } from './persist.ts';
import { pauseMs } from './retrying.ts';

/**
 * Tells of the ends of runs where somebody asked for it, at least once. That one is owed stands in the run's row from its accept on, so
 * that what settles a run settles this as well: whatever is killed, the next daemon finds the debt.
 */
export interface Callbacks {
  /** Of a run that has settled; of one without a call-back, or under way already, nothing. */
  readonly owe: (run: Run) => void;
  /** Takes up what an earlier daemon owed. */
  recover(): Promise<void>;
  /** Resolves once none is under way; call it after `closing` was aborted. */
  ended(): Promise<void>;
}

/** The receiver has to answer within so long. */
const answerMs = 15_000;
/** From the end of the run on; a daemon that was away for longer tries once. */
export const callbackForMs = 24 * 60 * 60 * 1000;
const pauses: Pick<RetryRules, 'firstMs' | 'longestMs'> = { firstMs: 1000, longestMs: 60 * 60 * 1000 };
/** To one receiver at a time; a slow one holds up no other. */
const atOnce = 4;
const pageSize = 500;

export function createCallbacks(options: {
  readonly runs: RunStore;
  readonly result: (id: Id) => AsyncIterable<Buffer>;
  readonly secret: Uint8Array;
  readonly persist: Persist;
  readonly clock: Clock;
  readonly log: Log;
  readonly record: Timeline['record'];
  /** From 0 to 1, for the pauses between attempts. */
  readonly random: () => number;
  readonly closing: AbortSignal;
}): Callbacks {
  const { runs, result, secret, persist, clock, log, record, random, closing } = options;
  const underWay = new Map<Id, Promise<void>>();
  const turns = createTurns(atOnce);

  /** Undefined once it was delivered, or nobody is owed it any more; else why not. */
  const attempt = async (id: Id): Promise<string | undefined> => {
    closing.throwIfAborted();
    const run = await runs.get(id);
    if (run?.callback?.state !== 'owed') return undefined;
    const message = callbackMessage(run, await shortResult(result(id)), secret, clock.now());
    try {
      const signal = AbortSignal.any([closing, AbortSignal.timeout(answerMs)]);
      const status = await postCallback(run.callback.url, message, signal);
      if (status < 200 || status > 299) return `it answered ${status}`;
    } catch (error) {
      closing.throwIfAborted();
      return error instanceof Error ? error.message : String(error);
    }
    await settle(run, 'delivered', {});
    return undefined;
  };

  const settle = async (
    run: Run,
    to: 'delivered' | 'failed',
    facts: Readonly<Record<string, unknown>>,
  ): Promise<void> => {
    await persist('the end of a call-back', async () => runs.settleCallback(run.id, to));
    record(callbackEvent(to, run, clock.now(), facts));
  };

  const deliver = async (run: Run, url: string): Promise<void> => {
    const { endedAt = clock.now() } = run;
    for (let attempts = 1; ; attempts += 1) {
      const reason = await turns.take(new URL(url).origin, async () => attempt(run.id));
      if (reason === undefined) return;
      const againAfterMs = pauseMs(attempts, pauses, random());
      if (clock.now() + againAfterMs >= endedAt + callbackForMs) return settle(run, 'failed', { attempts, reason });
      record(callbackEvent('retrying', run, clock.now(), { attempts, reason, againAfterMs }));
      await clock.sleep(againAfterMs, closing);
    }
  };

  const owe = (run: Run): void => {
    const { id, callback } = run;
    if (callback?.state !== 'owed' || underWay.has(id) || closing.aborted) return;
    const delivered = deliver(run, callback.url)
      .catch((error: unknown) => {
        if (!closing.aborted) log.error('A call-back waits for the next daemon', { run: id, error });
      })
      .finally(() => underWay.delete(id));
    underWay.set(id, delivered);
  };

  return {
    owe,
    recover: async () => {
      for (let after: Id | undefined; ;) {
        const page = await runs.owing(after, pageSize);
        for (const run of page) owe(run);
        after = page.at(-1)?.id;
        if (page.length < pageSize) return;
      }
    },
    ended: async () => {
      await Promise.all(underWay.values());
    },
  };
}

/** Undefined where it is too long, or not there in whole. */
async function shortResult(pieces: AsyncIterable<Buffer>): Promise<Buffer | undefined> {
  const taken: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of pieces) {
      bytes += piece.length;
      if (bytes > callbackResultBytes) return undefined;
      taken.push(piece);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(taken);
}

interface Turns {
  /** Acts as soon as fewer than `most` do under this name. */
  take<T>(name: string, act: () => Promise<T>): Promise<T>;
}

function createTurns(most: number): Turns {
  const taken = new Map<string, { count: number; readonly waiting: (() => void)[] }>();
  return {
    take: async (name, act) => {
      const own = taken.get(name) ?? { count: 0, waiting: [] };
      taken.set(name, own);
      if (own.count >= most) await new Promise<void>((resolve) => own.waiting.push(resolve));
      else own.count += 1;
      try {
        return await act();
      } finally {
        // A place goes to who waits for it, and is only given back where nobody does.
        const next = own.waiting.shift();
        if (next !== undefined) next();
        else if ((own.count -= 1) === 0) taken.delete(name);
      }
    },
  };
}
