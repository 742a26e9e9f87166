import { openMap, type Reader } from './fields.ts';
import { readDuration, readInteger, readList, readOneOf, readTimeLimit, scalar } from './readers.ts';
import { parseDuration } from './quantities.ts';

/** The shapes of keys that are known and not carried out yet. */

const percent = scalar('a share in percent', 'Write 70%.', (text) => {
  const number = /^(\d{1,3})%$/.exec(text)?.[1];
  return number === undefined || Number(number) < 1 || Number(number) > 100 ? undefined : Number(number);
});

export const readScale: Reader<true> = (node, problems) => {
  const keys = ['min', 'max', 'target', 'idle', 'spare', 'cpu', 'memory', 'step', 'cooldown'];
  const fields = openMap(node, { known: keys }, problems);
  if (fields === undefined) return undefined;
  const min = fields.read('min', readInteger(0)) ?? 0;
  const max = fields.read('max', readInteger(1)) ?? Infinity;
  if (min > max)
    problems.badValue(fields.placeOf('min'), `"${min}"`, `it is more than max (${max})`, `Write ${max} or less.`);
  for (const key of ['target', 'cpu', 'memory']) fields.read(key, percent);
  for (const key of ['idle', 'cooldown']) fields.read(key, readDuration);
  fields.read('spare', readInteger(0));
  fields.read('step', readInteger(1));
  return true;
};

export const readQueue: Reader<true> = (node, problems) => {
  openMap(node, { known: ['max'] }, problems)?.read('max', readInteger(0));
  return true;
};

export const readRetries: Reader<{ readonly max: number }> = (node, problems) => {
  const fields = openMap(node, { known: ['max', 'backoff', 'max-age'] }, problems);
  fields?.read('backoff', readRange);
  fields?.read('max-age', readTimeLimit);
  return { max: fields?.read('max', readInteger(0)) ?? 0 };
};

const readRange = scalar('a range of times', 'Write 1s..1m.', (text) => {
  const [least, most, ...rest] = text.split('..').map((part) => parseDuration(part));
  return rest.length > 0 || least === undefined || most === undefined || least > most ? undefined : { least, most };
});

/** Five fields, or a name such as @hourly. */
const readCron = scalar('a schedule of five fields', 'Write "*/5 * * * *".', (text) =>
  /^(?:CRON_TZ=\S+ |TZ=\S+ )?(?:@(?:yearly|annually|monthly|weekly|daily|hourly)|[\d*,/A-Za-z?#-]+(?: +[\d*,/A-Za-z?#-]+){4})$/.test(
    text.trim(),
  )
    ? text
    : undefined,
);

export const readSchedule: Reader<readonly string[]> = (node, problems) =>
  node.kind === 'scalar' ? readOneCron(node, problems) : readList(readCron)(node, problems);

/** Not split at commas even in a label: they belong to the schedule. */
const readOneCron: Reader<readonly string[]> = (node, problems) => {
  const cron = readCron(node, problems);
  return cron === undefined ? undefined : [cron];
};

export const readHandoff: Reader<true> = (node, problems) => {
  const fields = openMap(node, { known: ['mode', 'slow', 'long'] }, problems);
  fields?.read('mode', readOneOf(['hold', 'overlap']));
  fields?.read('slow', readOneOf(['wait', 'pace', 'abort']));
  fields?.read('long', readOneOf(['keep', 'splice', 'close']));
  return true;
};
