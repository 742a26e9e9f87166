import type { ScheduleModel } from '../../model/schedule.ts';
import { whyNoSchedule } from '../../observe/calendar.ts';
import { openMap, type Reader } from './fields.ts';
import type { Node } from './node.ts';
import type { Problems } from './problems.ts';
import { readCommand, readList, readOneOf, readWord } from './readers.ts';

const defaults = { timeZone: 'UTC', overlap: 'forbid', missed: 'once', args: [] } as const;

/** A line, a mapping, or a list of both. A line is not split at commas even in a label: they belong to the schedule. */
export const readSchedules: Reader<readonly ScheduleModel[]> = (node, problems) => {
  if (node.kind === 'list') return readList(readOne)(node, problems);
  const one = readOne(node, problems);
  return one === undefined ? undefined : [one];
};

const readOne: Reader<ScheduleModel> = (node, problems) =>
  node.kind === 'scalar' ? readLine(node, problems, defaults) : readMapping(node, problems);

const readMapping: Reader<ScheduleModel> = (node, problems) => {
  const fields = openMap(node, { known: ['cron', 'time-zone', 'overlap', 'missed', 'args'] }, problems);
  const cron = fields?.node('cron');
  if (fields === undefined) return undefined;
  if (cron === undefined) {
    problems.badValue(fields.at, 'a schedule', 'it has no "cron"', 'Write cron: "*/5 * * * *" into it.');
    return undefined;
  }
  return readLine(cron, problems, {
    timeZone: fields.read('time-zone', readWord) ?? defaults.timeZone,
    overlap: fields.read('overlap', readOneOf(['forbid', 'allow', 'replace'])) ?? defaults.overlap,
    missed: fields.read('missed', readOneOf(['skip', 'once', 'all'])) ?? defaults.missed,
    args: fields.read('args', readCommand) ?? defaults.args,
  });
};

/** Five fields, or a name such as @hourly; before them a time zone, as in many crontabs. */
const linePattern = /^(?:(?:CRON_)?TZ=(\S+)\s+)?(\S.*)$/;

function readLine(node: Node, problems: Problems, rest: Omit<ScheduleModel, 'cron'>): ScheduleModel | undefined {
  const text = node.kind === 'scalar' ? node.text.trim() : '';
  const [, zone = rest.timeZone, cron = ''] = linePattern.exec(text) ?? [];
  const why = cron === '' ? 'it is no line' : whyNoSchedule(cron, zone);
  if (why === undefined) return { cron, ...rest, timeZone: zone };
  problems.badValue(node.at, `"${text}"`, `it is no schedule of five fields: ${why}`, 'Write "*/5 * * * *".');
  return undefined;
}
