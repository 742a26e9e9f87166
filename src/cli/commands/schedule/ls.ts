import type { ScheduleRow } from '../../../api/types.ts';
import { shortId } from '../../../model/ids.ts';
import { defineCommand } from '../../command/command.ts';
import { connect } from '../../daemon/connect.ts';
import { printTable } from '../../terminal/table.ts';

export const command = defineCommand({
  options: { app: { type: 'text', value: 'NAME', about: 'Only of this app (default: all apps)' } },
  about: 'NEXT and LAST are in the time zone of the schedule. RUN is the last run of it.',
  handle: async (context, { options: { app } }) => {
    const { api } = connect(context);
    const query = app === undefined ? {} : { app };
    const { schedules } = await api.json<{ schedules: readonly ScheduleRow[] }>('schedules', { query });
    if (context.isJson) return context.out.json({ schedules });
    const rows = schedules.map(({ app: of, function: name, schedule, next, last, run }) => [
      of,
      name,
      schedule.cron,
      schedule.timeZone,
      momentIn(schedule.timeZone, next),
      run === undefined ? '-' : momentIn(schedule.timeZone, last),
      run === undefined ? '-' : shortId(run),
    ]);
    printTable(context.out, ['APP', 'FUNCTION', 'CRON', 'TIME ZONE', 'NEXT', 'LAST', 'RUN'], rows);
  },
});

/** Swedish for its order: year, month, day. */
const momentIn = (timeZone: string, at: number | undefined): string =>
  at === undefined
    ? 'never'
    : new Date(at).toLocaleString('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
