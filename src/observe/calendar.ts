import { Cron } from 'croner';
import type { ScheduleModel } from '../model/schedule.ts';

/**
 * Milliseconds since 1970 of the first tick after a moment; undefined when there is none. Where clocks are set forward, what would
 * be in the hour that is left out comes at its end; where they are set back, a tick at a fixed time comes once, the first time.
 * @throws when either is no schedule or no time zone.
 */
export function nextTick(
  { cron, timeZone }: Pick<ScheduleModel, 'cron' | 'timeZone'>,
  after: number,
): number | undefined {
  return patternOf(cron, timeZone).nextRun(new Date(after))?.getTime();
}

/** Ticks after one moment and up to another, in order. Each costs some 10 microseconds. */
export function* ticksBetween(
  { cron, timeZone }: Pick<ScheduleModel, 'cron' | 'timeZone'>,
  after: number,
  until: number,
): Generator<number> {
  const pattern = patternOf(cron, timeZone);
  for (let last = after; ;) {
    const next = pattern.nextRun(new Date(last))?.getTime();
    if (next === undefined || next > until) return;
    yield next;
    last = next;
  }
}

/** What is wrong with it, in words; undefined where nothing is. */
export function whyNoSchedule(cron: string, timeZone: string): string | undefined {
  const count = cron.split(/\s+/).length;
  if (count !== 5 && !cron.startsWith('@')) return `it has ${count}`;
  try {
    return nextTick({ cron, timeZone }, 0) === undefined ? 'it never comes' : undefined;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^Cron\w+: /, '').split('. ')[0] : String(error);
  }
}

/** Only computed with: no job is started. */
const patternOf = (cron: string, timezone: string): Cron => new Cron(cron, { timezone, mode: '5-part' });
