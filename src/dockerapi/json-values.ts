import { MinkeError } from '../errors/index.ts';
import { isObject, type Json, type JsonObject } from './json.ts';

// Each reads one value and throws BAD_REQUEST with the path of the field when it is of another type; null is absent.

export function textOf(value: Json | undefined, path: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw wrongType(path, 'text');
  // A NUL would end the text early for the kernel, after it was checked as a whole.
  if (value.includes('\0')) throw wrongType(path, 'text without NUL');
  return value;
}

export function flagOf(value: Json | undefined, path: string): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') throw wrongType(path, 'true or false');
  return value;
}

export function numberOf(value: Json | undefined, path: string): number {
  if (value === undefined || value === null) return 0;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrongType(path, 'a whole number');
  return value;
}

/** Docker takes one word for a list of one. */
export function wordsOf(value: Json | undefined, path: string): string[] {
  if (typeof value === 'string') return [textOf(value, path)];
  return listOf(value, path).map((one, index) => textOf(one, `${path}[${index}]`));
}

export function listOf(value: Json | undefined, path: string): readonly Json[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrongType(path, 'a list');
  return value as readonly Json[];
}

export function objectOf(value: Json | undefined, path: string): JsonObject {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw wrongType(path, 'an object');
  return value;
}

function wrongType(path: string, wanted: string): MinkeError {
  return new MinkeError('BAD_REQUEST', { reason: `"${path}" is not ${wanted}` });
}
