import { createHash } from 'node:crypto';
import { MinkeError, toMinkeError } from '../errors/index.ts';
import type { ScheduleRow } from '../api/types.ts';
import type { Id } from '../model/ids.ts';
import { isSettled, type Run } from '../model/run.ts';
import type { ScheduleModel } from '../model/schedule.ts';
import { nextTick } from '../observe/calendar.ts';
import type { Clock } from '../observe/clock.ts';
import type { Log } from '../observe/log.ts';
import type { Timeline } from '../observe/timeline.ts';
import { untilSuccess } from '../observe/until-success.ts';
import type { ScheduleStore } from '../store/store.ts';
import { chooseTicks } from './ticks.ts';
import type { Tasks } from './tasks.ts';

/**
 * Runs tasks by the clock. A tick that was answered is in the store before the next is looked for, and a run of it is accepted under a
 * key of its own, so that no tick is made up for twice and none is missing, however the daemon ends and however many there are.
 */
export interface Schedules {
  /** From now on these are the app's, by function; what it had and has no more is forgotten. */
  set(app: string, schedules: Readonly<Record<string, readonly ScheduleModel[]>>): void;
  list(app?: string): readonly ScheduleRow[];
  /** Nothing begins any more; resolves when nothing is under way. */
  close(): Promise<void>;
}

export interface SchedulesOptions {
  readonly store: ScheduleStore;
  readonly tasks: Pick<Tasks, 'submit' | 'get' | 'cancel'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly record: Timeline['record'];
}

interface Kept {
  readonly app: string;
  readonly function: string;
  readonly schedule: ScheduleModel;
  readonly entry: string;
  readonly over: AbortController;
  done: Promise<void>;
  last?: number;
  run?: Id;
}

/** The clock of the machine may be set, and a sleep does not notice. */
const longestSleepMs = 15_000;
const pauses = { first: 500, longest: 30_000 };

export function createSchedules(options: SchedulesOptions): Schedules {
  const { store, clock, log } = options;
  const all = new Map<string, Kept>();
  const keyOf = (app: string, name: string, entry: string): string => `${app}/${name}/${entry}`;

  const release = async (key: string, kept: Kept): Promise<void> => {
    all.delete(key);
    kept.over.abort(new Error('the schedule is not the app’s any more'));
    await kept.done;
  };

  const forget = async (key: string, kept: Kept): Promise<void> => {
    await release(key, kept);
    // It has come again meanwhile.
    if (all.has(key)) return;
    await store.remove(kept.app, kept.function, kept.entry).catch((error: unknown) => {
      log.warn('What is known of a schedule that is gone could not be removed', { app: kept.app, error });
    });
  };

  return {
    set: (app, schedules) => {
      const wanted = new Map<string, Kept>();
      for (const [name, list] of Object.entries(schedules)) {
        for (const schedule of list) {
          const kept = { app, function: name, schedule, entry: entryOf(schedule), over: new AbortController() };
          wanted.set(keyOf(app, name, kept.entry), { ...kept, done: Promise.resolve() });
        }
      }
      for (const [key, kept] of all) if (kept.app === app && !wanted.has(key)) void forget(key, kept);
      for (const [key, kept] of wanted) {
        if (all.has(key)) continue;
        all.set(key, kept);
        kept.done = keep(kept, options);
      }
    },
    list: (app) =>
      [...all.values()]
        .filter((kept) => app === undefined || kept.app === app)
        .map(({ app: of, function: name, schedule, last, run }) => {
          const next = nextTick(schedule, Math.max(clock.now(), last ?? 0));
          return {
            app: of,
            function: name,
            schedule,
            ...(next === undefined ? {} : { next }),
            ...(last === undefined ? {} : { last }),
            ...(run === undefined ? {} : { run }),
          };
        }),
    close: async () => {
      await Promise.all([...all].map(async ([key, kept]) => await release(key, kept)));
    },
  };
}

/** The same words are the same schedule, wherever they stand in the file. */
export const entryOf = (schedule: ScheduleModel): string =>
  createHash('sha256').update(JSON.stringify(schedule)).digest('hex').slice(0, 12);

/** Until it is over; never rejects. */
async function keep(kept: Kept, options: SchedulesOptions): Promise<void> {
  const { store, clock, log } = options;
  const { app, schedule, entry, over } = kept;
  const { signal } = over;
  /** The store may be full or locked for a while. */
  const insistently = async <T>(doing: () => Promise<T>): Promise<T> =>
    await untilSuccess(doing, {
      clock,
      signal,
      pauses,
      onFailure: (error) => log.error('A schedule waits for the store', { app, function: kept.function, error }),
    });
  const note = async (tick: number, run: Id | undefined): Promise<void> => {
    await insistently(
      async () => await store.put({ app, function: kept.function, entry, tick, ...(run === undefined ? {} : { run }) }),
    );
    kept.last = tick;
    if (run !== undefined) kept.run = run;
  };
  try {
    const known = await insistently(async () => await store.get(app, kept.function, entry));
    if (known === undefined) await note(clock.now(), undefined);
    else Object.assign(kept, { last: known.tick, run: known.run });
    while (!signal.aborted) {
      const { run: chosen, leftOut, answered } = chooseTicks(schedule, kept.last ?? clock.now(), clock.now());
      if (leftOut > 0) tell(options, kept, 'schedule.missed', { ticks: leftOut });
      for (const tick of chosen) await note(tick, await insistently(async () => await answer(kept, tick, options)));
      if (answered !== undefined && answered > (kept.last ?? 0)) await note(answered, kept.run);
      const leftMs = (nextTick(schedule, kept.last ?? clock.now()) ?? Infinity) - clock.now();
      await clock.sleep(Math.max(0, Math.min(leftMs, longestSleepMs)), signal);
    }
  } catch (error) {
    if (!signal.aborted) log.error('A schedule has ended', { app, function: kept.function, error });
  }
}

/** The run of a tick, or of the one before where that goes on. Rejects only where it is to be tried again. */
async function answer(kept: Kept, tick: number, options: SchedulesOptions): Promise<Id | undefined> {
  const { tasks } = options;
  const { app, function: name, schedule, entry } = kept;
  const before = kept.run === undefined ? undefined : await tasks.get(kept.run);
  const isBusy = before !== undefined && !isSettled(before.state) && before.idempotencyKey !== keyOfTick(kept, tick);
  if (isBusy && schedule.overlap === 'forbid') {
    tell(options, kept, 'schedule.skipped', { tick, run: before.id, reason: 'the run of an earlier tick goes on' });
    return kept.run;
  }
  if (isBusy && schedule.overlap === 'replace') await replace(before, options);
  try {
    const run = await tasks.submit({
      app,
      target: { function: name },
      args: schedule.args,
      env: { MINKE_SCHEDULED_AT: new Date(tick).toISOString() },
      idempotencyKey: keyOfTick(kept, tick),
    });
    return run.id;
  } catch (thrown) {
    const error = toMinkeError(thrown);
    if (waitsForStore.has(error.code)) throw error;
    tell(options, kept, 'schedule.failed', { tick, entry, error: error.toJSON() });
    return kept.run;
  }
}

const waitsForStore: ReadonlySet<string> = new Set([
  'OUT_OF_DISK',
  'STATE_LOCKED',
  'STATE_READ_ONLY',
  'STATE_UNREACHABLE',
]);

const keyOfTick = ({ function: name, entry }: Kept, tick: number): string => `tick/${name}/${entry}/${tick}`;

async function replace(before: Run, { tasks }: SchedulesOptions): Promise<void> {
  await tasks.cancel(before.id, 'its schedule has it replaced by the next').catch((error: unknown) => {
    // It ended by itself meanwhile.
    if (!(error instanceof MinkeError) || error.code !== 'RUN_STATE') throw error;
  });
}

function tell(
  { clock, record }: SchedulesOptions,
  { app, function: name, schedule }: Kept,
  kind: string,
  facts: Record<string, unknown>,
): void {
  record({ at: clock.now(), kind, app, name, facts: { cron: schedule.cron, ...facts } });
}
