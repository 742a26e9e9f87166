import type { Writable } from 'node:stream';
import type { LogChunk } from '../engines/engine.ts';
import { MinkeError } from '../errors/index.ts';
import { newId, type Id } from '../model/ids.ts';
import { instancesOf, isSettled, type Run, type RunOptions } from '../model/run.ts';
import type { Clock } from '../observe/clock.ts';
import type { Log } from '../observe/log.ts';
import type { Timeline } from '../observe/timeline.ts';
import type { Ledger, RunFilter, Store } from '../store/store.ts';
import { createAccepting } from './accepting.ts';
import { createCallbacks } from './callbacks.ts';
import { createChanges } from './changes.ts';
import { createDispatcher } from './dispatcher.ts';
import { createDrafts } from './drafts.ts';
import { createEnder } from './ender.ts';
import type { Ending } from './ending.ts';
import { endedEvent } from './events.ts';
import { createInputStream } from './input.ts';
import type { LaunchedRun, Launcher } from './launcher.ts';
import { createPersist } from './persist.ts';
import { recoverRuns } from './recover.ts';
import { defaultRetention, keepRetention, type RunRetention } from './retention.ts';
import { readLogs, readResult, type OutputSources, type RunLogOptions } from './run-output.ts';
import type { Submission } from './submission.ts';
import { createWaiting, type WaitOptions } from './waiting.ts';

/**
 * Runs, from accept to removal; the states are drawn in model/run.ts. Ids that name no run reject with RUN_NOT_FOUND,
 * except in `get`, `find` and `isDraft`, which look.
 */
export interface Tasks {
  /** Resolves once the run is durable. The same idempotency key within 24 hours answers the earlier run. */
  submit(submission: Submission): Promise<Run>;
  /** Records a run (`queued` by its state, but no run yet) that only `start` accepts; in memory. */
  create(submission: Submission): Promise<Run>;
  /** Accepts what `create` recorded, durably; "accepted already" is success. */
  start(id: Id): Promise<Run>;
  isDraft(id: Id): boolean;
  /** What was created and not started, newest first. */
  drafts(): readonly Run[];
  get(id: Id): Promise<Run | undefined>;
  /** By the beginning of its id, where only one run or draft begins so. */
  find(prefix: string): Promise<Run | undefined>;
  /** Accepted runs. */
  list(filter: RunFilter): Promise<readonly Run[]>;
  /** The settled run; after `timeoutMs` the run as it is. Waits for a draft to be started. Rejects when aborted. */
  wait(id: Id, options?: WaitOptions): Promise<Run>;
  /** Resolves once its process runs, or it is settled without one having run. Waits for a draft to be started. */
  begun(id: Id, signal?: AbortSignal): Promise<Run>;
  /** Resolves with the run once it is settled. @throws RUN_STATE when it was settled before, or is a draft. */
  cancel(id: Id, reason: string, graceMs?: number): Promise<Run>;
  /** Like `cancel`, but a run that ends with exit code 0 within its grace has succeeded. */
  stop(id: Id, graceMs: number): Promise<Run>;
  /** With `follow`, waits for the run to begin and ends when it is settled. Ends cleanly on abort. */
  logs(id: Id, options?: RunLogOptions): AsyncIterable<LogChunk>;
  /** stdout of a settled run, byte for byte. @throws RUN_STATE before. */
  result(id: Id): AsyncIterable<Buffer>;
  /** Into stdin of a run with `stdin: open`, kept back until it begins; `end` closes stdin. Never fails. */
  attachInput(id: Id): Writable;
  /** The run that does a settled one once more: a new one, or the one that does so already. @throws RUN_STATE before it is settled. */
  retry(id: Id): Promise<Run>;
  /** Where every run is that was ever accepted. */
  ledger(): Promise<Ledger>;
  /** Of a draft or a run, whatever its state; nothing is done to what lives. */
  change(id: Id, options: RunOptions): Promise<Run>;
  /** With its logs and result. @throws RUN_STATE unless it is settled or a draft. */
  remove(id: Id): Promise<void>;
  /** Once, first: takes up the runs of an earlier daemon. Nothing starts before. */
  recover(): Promise<void>;
  /**
   * Before a shutdown: starts nothing more, gives what lives `timeoutMs` to end, then ends it; functions go back to the
   * queue for the next daemon, containers of images are cancelled.
   */
  drain(options: { readonly timeoutMs: number }): Promise<void>;
  /** Lets go of everything; what lives is left to live and is adopted by the next daemon. Close the store after it. */
  close(): Promise<void>;
}

export interface TasksOptions {
  readonly store: Store;
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly log: Log;
  /** What call-backs are signed with. */
  readonly callbackSecret: Uint8Array;
  readonly record?: Timeline['record'];
  readonly ids?: () => Id;
  readonly retention?: RunRetention;
  /** From 0 to 1, for the pauses between attempts. */
  readonly random?: () => number;
  /** Launches under way at once, for all targets; lanes take turns. Default 16. */
  readonly startsAtOnce?: number;
}

/** Of a cancelled run whose own options name none: Docker's default. */
const defaultGraceMs = 10_000;
const maxDrafts = 10_000;
/** How much later than its greatest age a run that waits is dead, at most. */
const expireEveryMs = 5000;

export function createTasks(options: TasksOptions): Tasks {
  const { store, launcher, clock, log, record = () => undefined, ids = newId, startsAtOnce = 16 } = options;
  const { random = Math.random, callbackSecret } = options;
  const { runs } = store;
  const closing = new AbortController();
  const changes = createChanges();
  const drafts = createDrafts(maxDrafts);
  const persist = createPersist({ clock, log, signal: closing.signal });
  const callbacks = createCallbacks({
    runs,
    result: (id) => readResult(sources, id),
    secret: callbackSecret,
    persist,
    clock,
    log,
    record,
    random,
    closing: closing.signal,
  });
  const onSettled = (run: Run): void => {
    record(endedEvent(run));
    callbacks.owe(run);
  };
  const dispatcher = createDispatcher({
    runs,
    launcher,
    changes,
    persist,
    clock,
    log,
    record,
    onSettled,
    ids,
    random,
    startsAtOnce,
    closing: closing.signal,
  });

  const find = async (id: Id): Promise<Run> => {
    const run = drafts.get(id)?.run ?? (await runs.get(id));
    if (run === undefined) throw new MinkeError('RUN_NOT_FOUND', { run: id });
    return run;
  };
  const sources: OutputSources = { launcher, changes, find, instance: (id) => launchedOf(id)?.instance };
  const launchedOf = (id: Id): LaunchedRun | undefined => dispatcher.attempt(id)?.launched;
  const accepting = createAccepting({ runs, launcher, drafts, clock, ids, onAccepted: dispatcher.enqueue });
  const wait = createWaiting({ changes, find, clock, closing: closing.signal });
  const end = createEnder({ runs, dispatcher, changes, clock, onSettled, closing: closing.signal });
  let retaining: Promise<unknown> | undefined;

  /** The run of an id, when it is not a draft. */
  const accepted = async (id: Id, action: string): Promise<Run> => {
    if (drafts.get(id) !== undefined) throw new MinkeError('RUN_STATE', { action, run: id, state: 'created' });
    return find(id);
  };
  const forget = async (run: Run): Promise<void> => {
    // The row last: until it is gone, whoever removes again finds what is left to remove.
    for (const instance of instancesOf(run)) await launcher.remove(instance);
    await runs.remove(run.id);
  };
  /** The row first: what is left of the output then goes with the run, and nobody takes a part of it for all. */
  const forgetOutput = async (run: Run): Promise<void> => {
    await runs.markOutputRemoved(run.id);
    for (const instance of instancesOf(run)) await launcher.remove(instance);
  };
  const expireInTime = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await dispatcher.expire().catch((error: unknown) => log.warn('Runs that are too old wait on', { error }));
      await clock.sleep(expireEveryMs, closing.signal).catch(() => undefined);
    }
  };
  /** Looked at again once it has begun; without one, or for a run that ended unbegun, nobody takes the input. */
  const stdinOf = async (id: Id): Promise<Writable | undefined> => {
    const begun = await changes.until(
      id,
      async () => {
        const launched = launchedOf(id);
        return launched !== undefined || isSettled((await find(id)).state) ? { stdin: launched?.stdin } : undefined;
      },
      closing.signal,
    );
    return begun?.stdin;
  };

  return {
    submit: accepting.submit,
    create: accepting.create,
    start: async (id) => (await accepting.start(id)) ?? find(id),
    isDraft: (id) => drafts.get(id) !== undefined,
    drafts: () => drafts.list().map(({ run }) => run),
    get: async (id) => drafts.get(id)?.run ?? runs.get(id),
    find: async (prefix) => findOne(drafts.find(prefix)?.run, await runs.find(prefix)),
    list: async (filter) => runs.list(filter),
    wait,
    begun: async (id, signal = closing.signal) => {
      const look = async (): Promise<Run | undefined> => {
        const run = await find(id);
        return run.state === 'running' || isSettled(run.state) ? run : undefined;
      };
      const begun = await changes.until(id, look, AbortSignal.any([signal, closing.signal]));
      return begun ?? find(id);
    },
    cancel: async (id, reason, graceMs) => {
      const run = await accepted(id, 'cancel');
      return end(run, { to: 'cancelled', reason, graceMs: graceMs ?? run.options.stopGraceMs ?? defaultGraceMs });
    },
    stop: async (id, graceMs) => end(await accepted(id, 'stop'), { to: 'stopped', reason: 'it was stopped', graceMs }),
    logs: (id, options = {}) => readLogs(sources, id, options),
    result: (id) => readResult(sources, id),
    attachInput: (id) => createInputStream(async () => stdinOf(id)),
    retry: async (id) => {
      const run = await accepted(id, 'retry');
      if (!isSettled(run.state)) throw new MinkeError('RUN_STATE', { action: 'retry', run: id, state: run.state });
      return await accepting.again(run);
    },
    ledger: async () => runs.ledger(),
    change: async (id, changed) => {
      const draft = drafts.get(id);
      const run = await find(id);
      const options = { ...run.options, ...changed };
      if (draft === undefined) return (await runs.setOptions(id, options)) ?? run;
      drafts.add({ ...draft, run: { ...run, options } });
      return find(id);
    },
    remove: async (id) => {
      if (drafts.remove(id)) return;
      const run = await find(id);
      if (!isSettled(run.state)) throw new MinkeError('RUN_STATE', { action: 'remove', run: id, state: run.state });
      await forget(run);
    },
    recover: async () => {
      await recoverRuns({ runs, launcher, dispatcher, log });
      await callbacks.recover();
      dispatcher.open();
      const { retention = defaultRetention } = options;
      retaining ??= Promise.all([
        keepRetention({
          runs,
          retention,
          remove: forget,
          removeOutput: forgetOutput,
          clock,
          log,
          signal: closing.signal,
        }),
        expireInTime(),
      ]);
    },
    drain: async ({ timeoutMs }) => {
      dispatcher.shut();
      const timer = new AbortController();
      const late = clock.sleep(timeoutMs, timer.signal).catch(() => undefined);
      await Promise.race([late, dispatcher.idle()]);
      timer.abort();
      dispatcher.endAll(shutdownEnding);
      await dispatcher.idle();
    },
    close: async () => {
      dispatcher.shut();
      closing.abort();
      await Promise.all([dispatcher.launchesEnded(), callbacks.ended(), retaining]);
    },
  };
}

/** Only one of them may begin so; both are what they are of one and the same run while it is being started. */
function findOne(draft: Run | undefined, run: Run | undefined): Run | undefined {
  if (draft === undefined || run === undefined || draft.id === run.id) return run ?? draft;
  return undefined;
}

/** A function's run was accepted and will be done; a container of an image was somebody's, who is gone with the daemon. */
const shutdownEnding = ({ target }: Pick<Run, 'target'>): Ending => ({
  to: 'function' in target ? 'queued' : 'cancelled',
  reason: 'the daemon was shut down',
  graceMs: defaultGraceMs,
});
