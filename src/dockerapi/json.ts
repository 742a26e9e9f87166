import { MinkeError } from '../errors/index.ts';

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** Without a prototype: a key `__proto__` is a key like any other. */
export interface JsonObject {
  readonly [key: string]: Json;
}

export interface ParsedJson {
  readonly value: Json;
  /** Full paths (`HostConfig.Binds[0]`) of keys that an object has twice; the value is merged as Go's decoder does. */
  readonly duplicates: readonly string[];
}

/**
 * RFC 8259, strictly, and it tells of keys that come twice. JSON.parse keeps the last of them silently, which is the
 * hole through which a checked body and an executed body differ.
 *
 * @throws BAD_REQUEST with the position in characters
 */
export function parseJson(text: string): ParsedJson {
  const scan: Scan = { text, at: 0, duplicates: [] };
  const value = readValue(scan, '', 0);
  skipSpace(scan);
  if (scan.at < text.length) throw malformed(scan, 'something follows its end');
  return { value, duplicates: scan.duplicates };
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Deep enough for every body of the Docker API; low enough that no body exhausts the stack. */
const maxDepth = 32;

interface Scan {
  readonly text: string;
  at: number;
  readonly duplicates: string[];
}

function readValue(scan: Scan, path: string, depth: number): Json {
  if (depth > maxDepth) throw malformed(scan, `it is nested deeper than ${maxDepth}`);
  skipSpace(scan);
  const first = scan.text[scan.at];
  if (first === '{') return readObject(scan, path, depth);
  if (first === '[') return readArray(scan, path, depth);
  if (first === '"') return readString(scan);
  return readWord(scan);
}

function readObject(scan: Scan, path: string, depth: number): JsonObject {
  const object: Record<string, Json> = Object.create(null);
  eat(scan, '{');
  if (tryEat(scan, '}')) return object;
  do {
    skipSpace(scan);
    if (scan.text[scan.at] !== '"') throw malformed(scan, 'a key must be a string');
    const key = readString(scan);
    const keyPath = path === '' ? key : `${path}.${key}`;
    eat(scan, ':');
    const value = readValue(scan, keyPath, depth + 1);
    if (key in object) scan.duplicates.push(keyPath);
    object[key] = mergeJson(object[key], value);
  } while (tryEat(scan, ','));
  eat(scan, '}');
  return object;
}

/** Go decodes a second object into the first one's struct; of anything else the last one counts. */
export function mergeJson(earlier: Json | undefined, later: Json): Json {
  if (!isObject(earlier) || !isObject(later)) return later;
  const merged: Record<string, Json> = Object.assign(Object.create(null), earlier);
  for (const [key, value] of Object.entries(later)) merged[key] = mergeJson(merged[key], value);
  return merged;
}

function readArray(scan: Scan, path: string, depth: number): Json[] {
  const array: Json[] = [];
  eat(scan, '[');
  if (tryEat(scan, ']')) return array;
  do array.push(readValue(scan, `${path}[${array.length}]`, depth + 1));
  while (tryEat(scan, ','));
  eat(scan, ']');
  return array;
}

const stringPattern = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const wordPattern = /null|true|false|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function readString(scan: Scan): string {
  return JSON.parse(match(scan, stringPattern, 'a string is broken')) as string;
}

function readWord(scan: Scan): Json {
  return JSON.parse(match(scan, wordPattern, 'a value is missing')) as Json;
}

function match(scan: Scan, pattern: RegExp, reason: string): string {
  pattern.lastIndex = scan.at;
  const found = pattern.exec(scan.text)?.[0];
  if (found === undefined) throw malformed(scan, reason);
  scan.at += found.length;
  return found;
}

function eat(scan: Scan, sign: string): void {
  if (!tryEat(scan, sign)) throw malformed(scan, `"${sign}" is missing`);
}

function tryEat(scan: Scan, sign: string): boolean {
  skipSpace(scan);
  if (scan.text[scan.at] !== sign) return false;
  scan.at += 1;
  return true;
}

function skipSpace(scan: Scan): void {
  while (' \t\r\n'.includes(scan.text[scan.at] ?? '-')) scan.at += 1;
}

function malformed(scan: Scan, reason: string): MinkeError {
  return new MinkeError('BAD_REQUEST', { reason: `its body is not JSON: ${reason} at character ${scan.at}` });
}
