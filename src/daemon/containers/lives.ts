import type { ContainerRequest } from '../../dockerapi/containers.ts';
import type { Roots } from '../../engines/engine.ts';
import { MinkeError } from '../../errors/index.ts';
import type { ContainerRecord } from '../../model/container.ts';
import { newId, type Id } from '../../model/ids.ts';
import { isSettled, type Run, type RunOptions } from '../../model/run.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { ContainerStore } from '../../store/store.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import { createTurns, type Turns } from '../parts/turns.ts';
import { decideAgain, type Again } from './decide-again.ts';
import { currentRun, newKept, type Kept } from './kept.ts';

/** Containers that are kept until they are removed, from one life to the next. Each life is a run (model/container.ts). */
export interface Lives {
  /** Those of an earlier daemon, once, after its runs were taken up; what was being removed is gone afterwards. */
  recover(): Promise<void>;
  create(request: ContainerRequest, image: ContainerRecord['image']): Promise<Kept>;
  get(id: Id): Kept | undefined;
  /** Newest first. */
  list(): readonly Kept[];
  /** "It runs" is success. Resolves with its run once its process exists, or could not be started. */
  start(kept: Kept): Promise<Run>;
  /** Resolves when it is idle. It is not started again by its policy. */
  stop(kept: Kept, graceMs: number): Promise<void>;
  /** Somebody is about to end it: what follows is a stop. */
  markStopped(kept: Kept): Promise<void>;
  /** Ends it where it runs, after what is to be done before, which says the grace, and starts it. */
  restart(kept: Kept, before: () => Promise<number>): Promise<Run>;
  change(kept: Kept, options: RunOptions): Promise<void>;
  /** With its root and the output of all its lives. */
  remove(kept: Kept, options: { readonly withVolumes: boolean }): Promise<void>;
  /** The run that clients join: the one under way, else that of the next start. */
  joined(kept: Kept): Promise<Id>;
  /** Nobody starts or removes it meanwhile. @throws CONFLICT where it runs */
  whileIdle<T>(kept: Kept, action: () => Promise<T>): Promise<T>;
  /** Nothing is started any more, and ends are for the next daemon to find. */
  close(): void;
}

export interface LivesOptions {
  readonly tasks: Tasks;
  readonly store: ContainerStore;
  readonly roots: Roots | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Told when its process exists, when it has ended, and when it is no more since nobody wanted it beyond its end. */
  readonly tell: (action: 'start' | 'die' | 'destroy', kept: Kept, run: Run) => void;
  /** Looks after one life of it, until it has ended. */
  readonly attend: (kept: Kept, run: Run, signal: AbortSignal) => void;
  /** Removes the volumes that nobody has named. Idempotent: it comes before the rest, and again where the daemon is killed over it. */
  readonly discard: (record: ContainerRecord) => Promise<void>;
}

/** So many lives of a container keep their output. */
const mostLives = 10;

export function createLives(options: LivesOptions): Lives {
  const { tasks, store, roots, clock, log, tell, attend, discard } = options;
  const all = new Map<Id, Kept>();
  const inTurn: Turns = createTurns();
  const closing = new AbortController();

  const put = async (kept: Kept, changed: Partial<ContainerRecord>): Promise<void> => {
    kept.record = { ...kept.record, ...changed };
    await store.put(kept.record);
  };

  const next = async (kept: Kept): Promise<Id> => {
    const known = await kept.next;
    if (known !== undefined && tasks.isDraft(known)) return known;
    const { id, app, image, args, env, options: own, runs } = kept.record;
    const drafting = tasks.create({
      id: runs.length === 0 ? id : newId(),
      container: id,
      app,
      target: { image: image.reference },
      args,
      env,
      options: own,
    });
    kept.next = drafting.then((run) => run.id);
    return await kept.next;
  };

  /** The record first: a life that is written in none would be nobody's. */
  const begin = async (kept: Kept, changed: Partial<ContainerRecord>): Promise<Run> => {
    const run = await next(kept);
    const lives = [...kept.record.runs, run];
    await put(kept, { ...changed, runs: lives.slice(-mostLives) });
    kept.next = undefined;
    kept.isIdle = false;
    try {
      await tasks.start(run);
    } catch (error) {
      kept.isIdle = true;
      await put(kept, { runs: lives.slice(0, -1) });
      throw error;
    }
    for (const old of lives.slice(0, -mostLives)) await removeRun(old);
    return await watch(kept, run);
  };

  /** Answers when it has begun. */
  const watch = async (kept: Kept, id: Id, { isAdopted = false } = {}): Promise<Run> => {
    kept.isIdle = false;
    kept.health = undefined;
    const life = new AbortController();
    const begun = tasks.begun(id).then((run) => {
      if (run.startedAt !== undefined && !isAdopted) tell('start', kept, run);
      if (!isSettled(run.state)) attend(kept, run, AbortSignal.any([life.signal, closing.signal]));
      return run;
    });
    kept.done = begun
      .then(async () => await tasks.wait(id, { signal: closing.signal }))
      .finally(() => life.abort())
      .then(async (run) => await follow(kept, run))
      .catch((error: unknown) => {
        if (!closing.signal.aborted)
          log.error('A container is not looked after any more', { container: kept.record.id, error });
      });
    return await begun;
  };

  /** What becomes of it after a life. */
  const follow = async (kept: Kept, run: Run): Promise<void> => {
    if (closing.signal.aborted) return;
    tell('die', kept, run);
    const again = kept.isHeld ? undefined : decideAgain(kept.record, run);
    if (again !== undefined) await startAgain(kept, again);
    else await rest(kept, run);
  };

  const rest = async (kept: Kept, run: Run): Promise<void> => {
    if (kept.record.options.keep !== true && !kept.isHeld) {
      await discard(kept.record);
      await inTurn(kept.record.id, async () => await forget(kept, run.id));
      tell('destroy', kept, run);
    }
    kept.isIdle = true;
  };

  const startAgain = async (kept: Kept, { at, restarts, quickEnds }: Again): Promise<void> => {
    const pause = new AbortController();
    kept.pause = pause;
    await clock
      .sleep(Math.max(0, at - clock.now()), AbortSignal.any([pause.signal, closing.signal]))
      .catch(() => undefined);
    if (closing.signal.aborted) return;
    await inTurn(kept.record.id, async () => {
      kept.pause = undefined;
      if (pause.signal.aborted || kept.record.isStopped) kept.isIdle = true;
      else
        await begin(kept, { restarts, quickEnds }).catch((error: unknown) => {
          kept.isIdle = true;
          log.error('A container could not be started again', { container: kept.record.id, error });
        });
    });
  };

  /** The record first: from then on all of it is to be removed, by the next daemon where this one is killed. */
  const forget = async (kept: Kept, but?: Id): Promise<void> => {
    const { id, runs } = kept.record;
    await store.remove(id);
    all.delete(id);
    const drafted = await kept.next;
    await roots?.remove(id);
    for (const run of [...runs, ...(drafted === undefined ? [] : [drafted])]) if (run !== but) await removeRun(run);
  };

  const removeRun = async (id: Id): Promise<void> => {
    await tasks.remove(id).catch((error: unknown) => {
      if (!(error instanceof MinkeError) || error.code !== 'RUN_NOT_FOUND') throw error;
    });
  };

  /** Its end is told a moment before what follows from it is decided. */
  const untilDecided = async (kept: Kept): Promise<void> => {
    const id = currentRun(kept);
    const run = kept.isIdle || id === undefined ? undefined : await tasks.get(id);
    if (run !== undefined && isSettled(run.state) && decideAgain(kept.record, run) === undefined) await kept.done;
  };

  const start = async (kept: Kept): Promise<Run> => {
    await untilDecided(kept);
    const begun = await inTurn(kept.record.id, async () => {
      if (!all.has(kept.record.id)) throw new MinkeError('RUN_NOT_FOUND', { run: kept.record.id });
      if (!kept.isIdle) return undefined;
      return begin(kept, { restarts: 0, quickEnds: 0, isStopped: false });
    });
    return begun ?? (await tasks.begun(currentRun(kept) ?? kept.record.id));
  };

  const whileIdle = async <T>(kept: Kept, action: () => Promise<T>): Promise<T> => {
    await untilDecided(kept);
    return await inTurn(kept.record.id, async () => {
      const { id } = kept.record;
      if (!all.has(id)) throw new MinkeError('RUN_NOT_FOUND', { run: id });
      if (!kept.isIdle) throw new MinkeError('CONFLICT', { reason: `Container ${id} is running` });
      return await action();
    });
  };

  const markStopped = async (kept: Kept): Promise<void> => {
    if (!kept.record.isStopped) await put(kept, { isStopped: true });
    kept.pause?.abort();
  };

  const stop = async (kept: Kept, graceMs: number): Promise<void> => {
    // Once more where it was just being started again.
    do {
      await markStopped(kept);
      const run = currentRun(kept);
      if (run !== undefined) await unlessSettled(tasks.stop(run, graceMs));
      await kept.done;
    } while (!kept.isIdle && !closing.signal.aborted);
  };

  const adopt = async (record: ContainerRecord): Promise<void> => {
    const runs = (await Promise.all(record.runs.map(async (id) => await tasks.get(id)))).flatMap((run) => run ?? []);
    const kept = newKept({ ...record, runs: runs.map(({ id }) => id) });
    all.set(record.id, kept);
    const last = runs.at(-1);
    if (last === undefined) return;
    if (!isSettled(last.state))
      return void watch(kept, last.id, { isAdopted: last.startedAt !== undefined }).catch(() => undefined);
    const again = decideAgain(record, last, { isBoot: true });
    kept.isIdle = false;
    if (again === undefined) return await rest(kept, last);
    if (record.isStopped) await put(kept, { isStopped: false });
    kept.done = startAgain(kept, again);
  };

  return {
    recover: async () => {
      for (const record of await store.list()) await adopt(record);
      for (const id of (await roots?.list()) ?? []) if (!all.has(id)) await roots?.remove(id);
      for (const run of await tasks.list({ limit: 1_000_000 })) if (isLeft(run, all)) await removeRun(run.id);
    },
    create: async ({ app, args, env, options: own }, image) => {
      const id = newId();
      const kept = newKept({
        id,
        app,
        args,
        env,
        options: { ...own, imageId: image.id },
        createdAt: clock.now(),
        image,
        runs: [],
        restarts: 0,
        quickEnds: 0,
        isStopped: false,
      });
      await store.put(kept.record);
      all.set(id, kept);
      return kept;
    },
    get: (id) => all.get(id),
    list: () => [...all.values()].toReversed(),
    start,
    stop,
    markStopped,
    restart: async (kept, before) => {
      kept.isHeld = true;
      try {
        if (!kept.isIdle) await stop(kept, await before());
      } finally {
        kept.isHeld = false;
      }
      return await start(kept);
    },
    change: async (kept, changed) => {
      await put(kept, { options: { ...kept.record.options, ...changed } });
      for (const run of [currentRun(kept), await kept.next]) if (run !== undefined) await tasks.change(run, changed);
    },
    remove: async (kept, { withVolumes }) =>
      await whileIdle(kept, async () => {
        if (withVolumes) await discard(kept.record);
        await forget(kept);
      }),
    joined: async (kept) => {
      const current = currentRun(kept);
      const run = kept.isIdle || current === undefined ? undefined : await tasks.get(current);
      return run === undefined || isSettled(run.state) ? await next(kept) : run.id;
    },
    whileIdle,
    close: () => closing.abort(),
  };
}

/** Of a container that was removed, where the daemon was killed over it. One that removed itself is remembered like any run. */
const isLeft = ({ container, state, options }: Run, all: ReadonlyMap<Id, Kept>): boolean =>
  container !== undefined && !all.has(container) && isSettled(state) && options.keep === true;

/** "Settled already" is success here. */
export async function unlessSettled(ending: Promise<unknown>): Promise<void> {
  try {
    await ending;
  } catch (error) {
    if (!(error instanceof MinkeError) || error.code !== 'RUN_STATE') throw error;
  }
}
