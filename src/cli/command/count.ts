import { usage } from './parse.ts';

/** A whole number above 0. `option` is named in the USAGE error. */
export function countOf(option: string, text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw usage(`${option} cannot be "${text}": it is not a number above 0`);
  return count;
}
