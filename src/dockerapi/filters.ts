import { MinkeError } from '../errors/index.ts';
import { isObject, parseJson, type Json } from './json.ts';

/** `filters={"label":["a=b"]}`, or with `{"a=b":true}` in place of the list. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/** @throws BAD_REQUEST for what is not a filter, NOT_SUPPORTED for Docker's others: an ignored filter would lie */
export function readFilters(query: URLSearchParams, supported: readonly string[]): Filters {
  const text = query.get('filters') ?? '';
  if (text === '') return new Map();
  const { value } = parseJson(text);
  if (!isObject(value)) throw new MinkeError('BAD_REQUEST', { reason: '"filters" is not a JSON object' });
  const filters = new Map(Object.entries(value).map(([name, one]) => [name, wordsOf(one)]));
  const strange = [...filters.keys()].find((name) => !supported.includes(name));
  if (strange === undefined) return filters;
  throw new MinkeError('NOT_SUPPORTED', {
    what: `The filter "${strange}"`,
    reason: `the filters here are ${supported.join(', ')}`,
  });
}

/** True where the filter is absent or one of its values matches. */
export function passes(filters: Filters, name: string, matches: (wanted: string) => boolean): boolean {
  const wanted = filters.get(name);
  return wanted === undefined || wanted.some(matches);
}

/** Labels are the exception: all that are named must be there. */
export function passesLabels(filters: Filters, labels: Readonly<Record<string, string>>): boolean {
  return (filters.get('label') ?? []).every((wanted) => {
    const [key = '', ...value] = wanted.split('=');
    return Object.hasOwn(labels, key) && (value.length === 0 || labels[key] === value.join('='));
  });
}

/** Docker takes a pattern here. A plain text with optional anchors is what clients send, and no pattern can stall it. */
export function matchesName(wanted: string, name: string): boolean {
  const text = wanted.replace(/^\^/, '').replace(/^\//, '').replace(/\$$/, '');
  const [isFromStart, isToEnd] = [wanted.startsWith('^'), wanted.endsWith('$')];
  if (isFromStart && isToEnd) return name === text;
  if (isFromStart) return name.startsWith(text);
  return isToEnd ? name.endsWith(text) : name.includes(text);
}

function wordsOf(value: Json): string[] {
  if (Array.isArray(value)) return value.map(String);
  if (isObject(value)) return Object.keys(value).filter((key) => value[key] !== false);
  return [JSON.stringify(value)];
}
