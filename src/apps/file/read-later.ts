import { openMap, type Fields, type Reader } from './fields.ts';
import type { Problems } from './problems.ts';
import { readDuration, readInteger, readOneOf, scalar } from './readers.ts';

/** The shapes of keys that are known and not carried out yet. */

const percent = scalar('a share in percent', 'Write 70%.', (text) => {
  const number = /^(\d{1,3})%$/.exec(text)?.[1];
  return number === undefined || Number(number) < 1 || Number(number) > 100 ? undefined : Number(number);
});

/** Keys of `scale` that are not carried out yet; what asks for nothing that is not so anyway is let through. */
export function refuseLaterScale(fields: Fields, max: number, problems: Problems): void {
  const min = later(fields, 'min', readInteger(0), problems, (value) => value === 0) ?? 0;
  if (min > max)
    problems.badValue(fields.placeOf('min'), `"${min}"`, `it is more than max (${max})`, `Write ${max} or less.`);
  for (const key of ['target', 'cpu', 'memory']) later(fields, key, percent, problems);
  later(fields, 'spare', readInteger(0), problems, (value) => value === 0);
  later(fields, 'step', readInteger(1), problems);
  later(fields, 'cooldown', readDuration, problems);
}

function later<T>(
  fields: Fields,
  key: string,
  reader: Reader<T>,
  problems: Problems,
  isDefault: (value: T) => boolean = () => false,
): T | undefined {
  const value = fields.read(key, reader);
  if (value !== undefined && !isDefault(value))
    problems.unsupported(fields.placeOf(key), 'it comes with a later version', `Take "${key}" out until then.`);
  return value;
}

export const readHandoff: Reader<true> = (node, problems) => {
  const fields = openMap(node, { known: ['mode', 'slow', 'long'] }, problems);
  fields?.read('mode', readOneOf(['hold', 'overlap']));
  fields?.read('slow', readOneOf(['wait', 'pace', 'abort']));
  fields?.read('long', readOneOf(['keep', 'splice', 'close']));
  return true;
};
