import type { Id } from '../model/ids.ts';
import { instancesOf, type Run } from '../model/run.ts';
import type { Clock } from '../observe/clock.ts';
import type { Log } from '../observe/log.ts';
import type { Timeline } from '../observe/timeline.ts';
import type { RunStore } from '../store/store.ts';
import { createDelayed } from './delayed.ts';
import { createAttempt, type Attempt, type AttemptedRun } from './attempt.ts';
import type { Changes } from './changes.ts';
import { backToQueue, type Ending, type Settlement } from './ending.ts';
import { deliverInput } from './input.ts';
import { createLanes, type WaitingRun } from './lanes.ts';
import type { LaunchableRun, LaunchedRun, Launcher } from './launcher.ts';
import type { Persist } from './persist.ts';
import { requeuedEvent, retryingEvent, startedEvent } from './events.ts';
import { decideExpired } from './retrying.ts';

/**
 * Brings queued runs to life as their lanes allow, watches them and settles each exactly once:
 *
 *   waiting in its lane --take--> row `starting` --launch--> row `running` --exit--> row settled, lane released
 *        ^      ^                                                            \    \
 *        |      \_________________ row `queued` (its instance was lost) _____/    |
 *        \____ delayed _______________ row `queued` (it failed, and is retried) ___/
 *
 * The rows are the truth, lanes and attempts what this daemon knows of them: every step is a `move` from the state that
 * was expected, so whoever comes second (a cancel, an exit, a time-out) finds nothing to move.
 */
export interface Dispatcher {
  /** A run whose row is `queued`. */
  readonly enqueue: (run: Run) => void;
  /** A run that was settled while it was queued. */
  drop(id: Id): void;
  /** Settles those that should have begun by now. */
  expire(): Promise<void>;
  /** A run whose instance lives, or ended unobserved: watched on. */
  resume(run: LaunchableRun, launched: LaunchedRun): void;
  /** A run whose instance is known to be gone: back to its lane. */
  requeue(run: Run): Promise<void>;
  /** From now on queued runs start; from `shut` on none does. */
  open(): void;
  shut(): void;
  attempt(id: Id): Attempt | undefined;
  /** Ends all that live. */
  endAll(endingOf: (run: Pick<Run, 'target'>) => Ending): void;
  /** Resolves when none of those that live now does any more. */
  idle(): Promise<void>;
  /** Resolves when no launch is under way. */
  launchesEnded(): Promise<void>;
}

export interface DispatcherOptions {
  readonly runs: RunStore;
  readonly launcher: Launcher;
  readonly changes: Changes;
  readonly persist: Persist;
  readonly clock: Clock;
  readonly log: Log;
  readonly record: Timeline['record'];
  /** Told of each run that was settled here. */
  readonly onSettled: (run: Run) => void;
  readonly ids: () => Id;
  /** From 0 to 1, for the pauses between attempts. */
  readonly random: () => number;
  /** Launches under way at once. */
  readonly startsAtOnce: number;
  /** Aborted when this daemon lets go of its runs: what ends afterwards is for the next one to find. */
  readonly closing: AbortSignal;
}

/** It goes back to its lane. */
interface Again {
  readonly waiting: WaitingRun;
  readonly notBefore: number;
}

interface Live {
  readonly run: WaitingRun;
  readonly attempt: Attempt;
  readonly done: Promise<void>;
}

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { runs, launcher, changes, persist, clock, log, record, onSettled, ids, random, startsAtOnce } = options;
  const { closing } = options;
  const lanes = createLanes((run) => Math.max(1, launcher.concurrency(run)));
  const live = new Map<Id, Live>();
  const launches = new Set<Promise<void>>();
  let isOpen = false;

  /** To its lane, at once or when its time has come. */
  const queue = (run: WaitingRun, notBefore: number): void => {
    if (notBefore > clock.now()) delayed.add(run, notBefore);
    else lanes.add(run);
  };
  const delayed = createDelayed({
    clock,
    closing,
    onDue: (run) => {
      lanes.add(run);
      pump();
    },
  });

  const pump = (): void => {
    while (isOpen && launches.size < startsAtOnce) {
      const next = lanes.take();
      if (next === undefined) return;
      begin(next, async (attempt) => start(next, attempt));
    }
  };

  /** The run's lane is occupied, and is released when `carryOut` ends; what it answers goes back to its lane. */
  const begin = (run: WaitingRun, carryOut: (attempt: Attempt) => Promise<Again | undefined>): void => {
    const launch = Promise.withResolvers<void>();
    launches.add(launch.promise);
    const launchEnded = (): void => {
      launches.delete(launch.promise);
      launch.resolve();
    };
    const onLaunched = (run: AttemptedRun, launched: LaunchedRun): void => {
      launchEnded();
      void onBegun(run, launched);
      pump();
    };
    const attempt = createAttempt({ clock, log, onLaunched, closing, random });
    const carry = async (): Promise<void> => {
      const again = await carryOut(attempt).catch((error: unknown) => failed(run, error));
      launchEnded();
      live.delete(run.id);
      lanes.release(run);
      if (again !== undefined) queue(again.waiting, again.notBefore);
      changes.notify(run.id);
      pump();
    };
    live.set(run.id, { run, attempt, done: Promise.resolve().then(carry) });
  };

  /** Only a store that is closed under us lets an attempt reject; its row is as it was. */
  const failed = (run: WaitingRun, error: unknown): undefined => {
    if (!closing.aborted) log.error('A run was left as it is', { run: run.id, error });
  };

  const start = async (waiting: WaitingRun, attempt: Attempt): Promise<Again | undefined> => {
    const { id, attempts, losses, expiresAt = Infinity } = waiting;
    if (expiresAt <= clock.now()) return expire(id);
    const instance = ids();
    const row = await persist('a start', async () =>
      runs.move(id, ['queued'], 'starting', { attempts: attempts + 1, instance }),
    );
    if (row === undefined || closing.aborted) return undefined;
    const run = { ...row, instance, losses };
    const settlement = await attempt.perform(run, async (signal) => launcher.launch(run, run.attempts, signal));
    return conclude(run, settlement);
  };

  const expire = async (id: Id): Promise<undefined> => {
    const run = await runs.get(id);
    if (run === undefined) return undefined;
    const { to, patch } = decideExpired(run, clock.now());
    const row = await persist('an end', async () => runs.move(id, ['queued'], to, patch));
    if (row === undefined) return undefined;
    onSettled(row);
    changes.notify(id);
    return undefined;
  };

  /** The row says `running` only when the input has gone in whole: after a crash, a `starting` one is run again. */
  const onBegun = async (run: AttemptedRun, launched: LaunchedRun): Promise<void> => {
    record(startedEvent(run, launched));
    changes.notify(run.id);
    try {
      if (run.options.stdin === 'open') await deliverInput(launched.stdin, await runs.input(run.id));
      if (closing.aborted) return;
      await persist('a beginning', async () =>
        runs.move(run.id, ['starting'], 'running', { startedAt: launched.startedAt }),
      );
      changes.notify(run.id);
    } catch (error) {
      failed(run, error);
    }
  };

  const conclude = async (run: AttemptedRun, { to, patch }: Settlement): Promise<Again | undefined> => {
    if (closing.aborted) return undefined;
    const size = to === 'queued' ? {} : { outputBytes: await outputBytes(run) };
    const row = await persist('an end', async () =>
      runs.move(run.id, ['starting', 'running'], to, { ...patch, ...size }),
    );
    if (row === undefined) log.warn('A run had been settled already', { run: run.id, to });
    if (row === undefined || row.state !== 'queued') {
      if (row !== undefined) onSettled(row);
      return undefined;
    }
    const isLost = row.attempts < run.attempts;
    if (isLost) await forgetInstance(run);
    else record(retryingEvent({ ...row, instance: run.instance }, clock.now()));
    return { waiting: { ...waitingOf(row), losses: isLost ? run.losses + 1 : 0 }, notBefore: row.notBefore ?? 0 };
  };

  /** Of all its attempts. One that cannot be told counts nothing: the end of the run comes first. */
  const outputBytes = async (run: Run): Promise<number> => {
    const sizes = instancesOf(run).map(async (one) => launcher.keptBytes(one).catch(() => 0));
    return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
  };

  const forgetInstance = async (run: Run): Promise<void> => {
    record(requeuedEvent(run, clock.now()));
    if (run.instance === undefined) return;
    await launcher.remove(run.instance).catch((error: unknown) => {
      log.warn('A lost instance could not be removed', { run: run.id, instance: run.instance, error });
    });
  };

  return {
    enqueue: (run) => {
      queue(waitingOf(run), run.notBefore ?? 0);
      pump();
    },
    drop: (id) => {
      lanes.drop(id);
      delayed.drop(id);
    },
    expire: async () => {
      for (const { id } of lanes.expired(clock.now())) {
        lanes.drop(id);
        await expire(id);
      }
    },
    resume: (run, launched) => {
      const waiting = waitingOf(run);
      const resumed = { ...run, losses: waiting.losses };
      lanes.occupy(waiting);
      begin(waiting, async (attempt) => conclude(resumed, await attempt.perform(resumed, async () => launched)));
    },
    requeue: async (run) => {
      const { to, patch } = backToQueue(run);
      const row = await persist('a return to the queue', async () =>
        runs.move(run.id, ['starting', 'running'], to, patch),
      );
      await forgetInstance(run);
      if (row !== undefined) queue(waitingOf(row), row.notBefore ?? 0);
      changes.notify(run.id);
      pump();
    },
    open: () => {
      isOpen = true;
      pump();
    },
    shut: () => {
      isOpen = false;
    },
    attempt: (id) => live.get(id)?.attempt,
    endAll: (endingOf) => {
      for (const { run, attempt } of live.values()) attempt.end(endingOf(run));
    },
    idle: async () => {
      await Promise.all([...live.values()].map(async ({ done }) => done));
    },
    launchesEnded: async () => {
      await Promise.all(launches);
    },
  };
}

const waitingOf = ({ id, app, target, attempts, expiresAt }: Run): WaitingRun => ({
  id,
  app,
  target,
  attempts,
  losses: 0,
  ...(expiresAt === undefined ? {} : { expiresAt }),
});
