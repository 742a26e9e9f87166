import { describe, expect, it, onTestFinished } from 'vitest';
import type { ScheduleModel } from '../model/schedule.ts';
import { nextTick, whyNoSchedule } from '../observe/calendar.ts';
import { silentLog } from '../observe/log.ts';
import type { ScriptedInstance } from './launcher.fixture.ts';
import { createSchedules, entryOf, type Schedules } from './schedules.ts';
import type { ScheduleStore } from '../store/store.ts';
import { createBench, type Bench } from './tasks.fixture.ts';
import { chooseTicks, inTimeMs } from './ticks.ts';

const minute = 60_000;
const hour = 60 * minute;
const everyMinute: ScheduleModel = { cron: '* * * * *', timeZone: 'UTC', overlap: 'forbid', missed: 'once', args: [] };
const at = (text: string): number => Date.parse(text);
const told = (ticks: readonly (number | undefined)[]): string[] =>
  ticks.map((tick) => (tick === undefined ? 'never' : new Date(tick).toISOString().slice(0, 16)));

describe('the next tick', () => {
  const after = (cron: string, timeZone: string, from: string, count: number): string[] => {
    const ticks: number[] = [];
    while (ticks.length < count) ticks.push(nextTick({ cron, timeZone }, ticks.at(-1) ?? at(from)) ?? Number.NaN);
    return told(ticks);
  };

  it('comes once a day at a fixed time, also where clocks are set', () => {
    expect(after('30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00Z', 3)).toEqual([
      '2026-03-28T01:30',
      '2026-03-29T01:00',
      '2026-03-30T00:30',
    ]);
    expect(after('30 2 * * *', 'Europe/Berlin', '2026-10-24T00:00Z', 3)).toEqual([
      '2026-10-24T00:30',
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ]);
  });

  it('comes every half hour of the day that has 23, and of the one that has 25', () => {
    expect(after('*/30 * * * *', 'Europe/Berlin', '2026-03-29T00:15Z', 4)).toEqual([
      '2026-03-29T00:30',
      '2026-03-29T01:00',
      '2026-03-29T01:30',
      '2026-03-29T02:00',
    ]);
    expect(after('*/30 * * * *', 'Europe/Berlin', '2026-10-25T00:15Z', 4)).toEqual([
      '2026-10-25T00:30',
      '2026-10-25T01:00',
      '2026-10-25T01:30',
      '2026-10-25T02:00',
    ]);
  });

  it('is refused with a reason where it never comes or is none', () => {
    expect(whyNoSchedule('*/5 * * * *', 'UTC')).toBeUndefined();
    expect(whyNoSchedule('0 0 31 2 *', 'UTC')).toBe('it never comes');
    expect(whyNoSchedule('61 * * * *', 'UTC')).toContain('minute');
    expect(whyNoSchedule('* * * *', 'UTC')).toBe('it has 4');
    expect(whyNoSchedule('* * * * *', 'Mars/Base')).toContain('Mars/Base');
  });
});

describe('ticks that were missed', () => {
  const last = at('2026-01-01T00:00Z');
  const now = last + 10 * minute + 30_000;
  const chosen = (missed: ScheduleModel['missed'], until = now): unknown[] => {
    const { run, leftOut } = chooseTicks({ ...everyMinute, missed }, last, until);
    return [run.map((tick) => (tick - last) / minute), leftOut];
  };

  it('are left out, made up for by one, or all made up for', () => {
    expect(chosen('skip')).toEqual([[10], 9]);
    expect(chosen('once')).toEqual([[10], 9]);
    expect(chosen('all')).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0]);
  });

  it('are made up for by their last where none is in time', () => {
    const hourly = { ...everyMinute, cron: '0 * * * *' };
    const missedAt = (missed: ScheduleModel['missed']): readonly number[] =>
      chooseTicks({ ...hourly, missed }, last, last + 3 * hour + inTimeMs + 1).run;
    expect(missedAt('skip')).toEqual([]);
    expect(missedAt('once')).toEqual([last + 3 * hour]);
    expect(missedAt('all')).toEqual([1, 2, 3].map((count) => last + count * hour));
  });

  it('are none where the clock was set back', () => {
    expect(chooseTicks(everyMinute, last, last - hour)).toEqual({ run: [], leftOut: 0, answered: undefined });
  });
});

/** Begins right after a full minute. */
async function begin(): Promise<
  Bench & { schedules: () => Schedules; again: (store?: ScheduleStore) => Promise<void> }
> {
  const bench = await createBench({ timeoutMs: 0 });
  const make = (store: ScheduleStore = bench.store.schedules): Schedules =>
    createSchedules({
      store,
      tasks: bench.tasks,
      clock: bench.clock,
      log: silentLog,
      record: (event) => void (bench.events as unknown[]).push(event),
    });
  await bench.tasks.recover();
  bench.clock.advance(minute - (bench.clock.now() % minute) + 1000);
  let schedules = make();
  onTestFinished(async () => {
    await schedules.close();
    await bench.dispose();
  });
  return {
    ...bench,
    get tasks() {
      return bench.tasks;
    },
    schedules: () => schedules,
    again: async (store) => {
      await schedules.close();
      schedules = make(store);
    },
  };
}

/** To the next full minute and 1 s beyond, in the steps in which it looks at the clock. */
async function passMinute({ clock }: Bench): Promise<void> {
  for (let left = minute; left > 0; left -= 15_000) {
    await clock.sleeper(Math.min(15_000, minute - 1000 - (minute - left))).catch(() => undefined);
    clock.advance(15_000);
  }
}

describe('a task that runs by the clock', () => {
  it('DR-16 runs at each tick with its arguments, and knows when it was to', async () => {
    const bench = await begin();
    bench.schedules().set('shop', { work: [{ ...everyMinute, args: ['a', 'b'] }] });
    for (let count = 0; count < 3; count += 1) {
      const expected = bench.clock.now() + minute - 1000;
      void passMinute(bench);
      const instance = await bench.next();
      expect(instance.run.args).toEqual(['a', 'b']);
      expect(Date.parse(instance.run.env['MINKE_SCHEDULED_AT'] ?? '')).toBe(expected);
      instance.exit(0);
      await bench.tasks.wait(instance.run.id);
    }
    expect(await bench.tasks.ledger()).toMatchObject({ accepted: 3, settled: 3 });
  });

  it('is left out while the run of an earlier tick goes on, unless it may run beside it or takes its place', async () => {
    const bench = await begin();
    const { events, next, tasks } = bench;
    const named = (name: string, overlap: ScheduleModel['overlap']) => ({ [name]: [{ ...everyMinute, overlap }] });
    bench.schedules().set('shop', { ...named('f', 'forbid'), ...named('a', 'allow'), ...named('r', 'replace') });
    const three = async (): Promise<Record<string, ScriptedInstance>> => {
      void passMinute(bench);
      const all = [await next(), await next(), await next()];
      return Object.fromEntries(all.map((one) => ['function' in one.run.target ? one.run.target.function : '', one]));
    };
    const first = await three();
    void passMinute(bench);
    const second = [await next(), await next()];
    await expect.poll(() => events.map(({ kind, name }) => `${kind} ${name}`)).toContain('schedule.skipped f');
    expect(second.map(({ run }) => run.target)).toEqual(expect.arrayContaining([{ function: 'a' }, { function: 'r' }]));
    expect(await tasks.wait(first['r']?.run.id ?? '')).toMatchObject({ state: 'cancelled' });
    expect((await tasks.get(first['a']?.run.id ?? ''))?.state).toBe('running');
    first['f']?.exit(0);
    await tasks.wait(first['f']?.run.id ?? '');
    expect(Object.keys(await three()).toSorted()).toEqual(['a', 'f', 'r']);
  });

  it('answers no tick twice and misses none, however the daemon ends', async () => {
    const bench = await begin();
    const { tasks, next, clock, store } = bench;
    const wanted = { work: [{ ...everyMinute, missed: 'all', overlap: 'allow' } as const] };
    bench.schedules().set('shop', wanted);
    void passMinute(bench);
    (await next()).exit(0);
    await expect.poll(() => bench.schedules().list()[0]?.run).toBeDefined();
    // One that accepts the run of a tick and dies before it can note that.
    await bench.again({ ...store.schedules, put: async () => Promise.reject(new Error('killed')) });
    bench.schedules().set('shop', wanted);
    void passMinute(bench);
    (await next()).exit(0);
    await bench.again();
    clock.advance(5 * minute);
    bench.schedules().set('shop', wanted);
    const seen = new Set<string | undefined>();
    for (let count = 0; count < 5; count += 1) {
      const instance = await next();
      seen.add(instance.run.env['MINKE_SCHEDULED_AT']);
      instance.exit(0);
      await tasks.wait(instance.run.id);
    }
    expect(seen.size).toBe(5);
    const all = (await tasks.list({ order: 'oldest' })).map(({ env }) => Date.parse(env['MINKE_SCHEDULED_AT'] ?? ''));
    expect(all.map((tick) => (tick - (all[0] ?? 0)) / minute)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('begins anew when it comes back into its app, without what was meanwhile', async () => {
    const bench = await begin();
    const { clock, store, tasks } = bench;
    bench.schedules().set('shop', { work: [everyMinute] });
    const entry = async (): Promise<unknown> => await store.schedules.get('shop', 'work', entryOf(everyMinute));
    await expect.poll(entry).toBeDefined();
    bench.schedules().set('shop', {});
    await expect.poll(entry).toBeUndefined();
    expect(bench.schedules().list()).toEqual([]);
    clock.advance(10 * minute);
    bench.schedules().set('shop', { work: [everyMinute] });
    await expect.poll(entry).toMatchObject({ tick: clock.now() });
    expect(await tasks.ledger()).toMatchObject({ accepted: 0 });
  });

  it('goes on when one tick could not have a run, and tells why', async () => {
    const bench = await begin();
    bench.schedules().set('shop', { unknown: [everyMinute], work: [everyMinute] });
    void passMinute(bench);
    (await bench.next()).exit(0);
    await expect.poll(() => bench.events.find(({ kind }) => kind === 'schedule.failed')?.name).toBe('unknown');
    void passMinute(bench);
    (await bench.next()).exit(0);
  });
});
