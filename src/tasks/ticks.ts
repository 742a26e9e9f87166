import { idempotencyMs } from '../store/store.ts';
import type { ScheduleModel } from '../model/schedule.ts';
import { ticksBetween } from '../observe/calendar.ts';

/** Which of the ticks since the last that was answered are to have a run, in order, and how many are not. */
export interface ChosenTicks {
  readonly run: readonly number[];
  readonly leftOut: number;
  /** The newest of all of them; undefined where there are none. */
  readonly answered: number | undefined;
}

/** A tick is in time for so long; what is later came while no daemon was there, or the machine slept. */
export const inTimeMs = 60_000;
/** What is older is forgotten: nobody waits for it any more, and the key under which it was accepted counts no longer. */
export const longestMissedMs = idempotencyMs;

/** Ticks after `last` and up to `now`. Pure. */
export function chooseTicks(schedule: ScheduleModel, last: number, now: number): ChosenTicks {
  const due = [...ticksBetween(schedule, Math.max(last, now - longestMissedMs), now)];
  const inTime = due.filter((tick) => now - tick <= inTimeMs);
  const late = due.slice(0, due.length - inTime.length);
  const run = [...madeUp(schedule.missed, late, inTime.length > 0), ...inTime];
  return { run, leftOut: due.length - run.length, answered: due.at(-1) };
}

/** One that is in time does for all before it, where one is enough. */
function madeUp(missed: ScheduleModel['missed'], late: readonly number[], hasInTime: boolean): readonly number[] {
  if (missed === 'all') return late;
  return missed === 'once' && !hasInTime ? late.slice(-1) : [];
}
