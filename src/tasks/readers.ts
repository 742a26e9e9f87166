import { MinkeError } from '../errors/index.ts';

/** Reads one value that came as JSON. `place` is its path in the body. @throws BAD_REQUEST that names the place. */
export type Read<T> = (value: unknown, place: string) => T;

/** @param must what it has to be, to be read after "it must be". */
export function refuse(place: string, value: unknown, must: string): never {
  throw new MinkeError('BAD_REQUEST', { reason: `"${place}" is ${show(value)}; it must be ${must}` });
}

/** No NUL: neither an argument nor a path nor a variable can hold one. */
export const text =
  (must = 'a string', pattern = /^/): Read<string> =>
  (value, place) => {
    if (typeof value !== 'string' || !pattern.test(value)) return refuse(place, value, must);
    if (value.includes('\0')) return refuse(place, value, `${must} without a NUL character`);
    return value;
  };

export const flag: Read<boolean> = (value, place) =>
  typeof value === 'boolean' ? value : refuse(place, value, 'true or false');

export const number =
  (must: string, isFine: (value: number) => boolean): Read<number> =>
  (value, place) =>
    typeof value === 'number' && Number.isFinite(value) && isFine(value) ? value : refuse(place, value, must);

/** A whole number within bounds, both included. */
export const integer = (what: string, least: number, most: number = Number.MAX_SAFE_INTEGER): Read<number> => {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  const isFine = (value: number): boolean => Number.isInteger(value) && value >= least && value <= most;
  return number(`${what}: a whole number ${range}`, isFine);
};

export const oneOf =
  <T extends string>(...words: readonly T[]): Read<T> =>
  (value, place) =>
    words.find((word) => word === value) ?? refuse(place, value, words.map((word) => `"${word}"`).join(' or '));

export const list =
  <T>(read: Read<T>): Read<readonly T[]> =>
  (value, place) =>
    Array.isArray(value)
      ? value.map((item, index) => read(item, `${place}[${index}]`))
      : refuse(place, value, 'a list, such as ["a", "b"]');

export const mapOf =
  <T>(readKey: Read<string>, read: Read<T>): Read<Readonly<Record<string, T>>> =>
  (value, place) => {
    if (!isObject(value)) return refuse(place, value, 'an object, such as {"KEY": "value"}');
    const entries = Object.entries(value).map(([key, item]): [string, T] => [
      readKey(key, `a name in ${place}`),
      read(item, `${place}.${key}`),
    ]);
    return Object.fromEntries(entries);
  };

export type Fields<T> = { readonly [Key in keyof T]-?: Read<Exclude<T[Key], undefined>> };

/** An object with these keys and no others; those of `required` must be there. */
export const objectOf =
  <T extends object>(fields: Fields<T>, required: readonly (keyof T & string)[] = []): Read<T> =>
  (value, place) => {
    if (!isObject(value)) return refuse(place, value, 'an object');
    const missing = required.find((key) => value[key] === undefined);
    if (missing !== undefined) return lacks(pathOf(place, missing));
    const entries = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, readerOf(fields, key, place)(item, pathOf(place, key))]);
    return Object.fromEntries(entries) as T;
  };

function readerOf<T extends object>(fields: Fields<T>, key: string, place: string): Read<unknown> {
  if (Object.hasOwn(fields, key)) return fields[key as keyof T];
  const known = Object.keys(fields).join(', ');
  throw new MinkeError('BAD_REQUEST', {
    reason: `"${pathOf(place, key)}" is not a field; ${place === '' ? 'a run' : `"${place}"`} has ${known}`,
  });
}

function lacks(place: string): never {
  throw new MinkeError('BAD_REQUEST', { reason: `"${place}" is missing; add it` });
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const pathOf = (place: string, key: string): string => (place === '' ? key : `${place}.${key}`);

const longestShown = 60;

/** What was there, short: the whole of it may be megabytes. */
function show(value: unknown): string {
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'an object';
  const shown = JSON.stringify(value);
  return shown.length > longestShown ? `${shown.slice(0, longestShown)}... (${shown.length} characters)` : shown;
}
