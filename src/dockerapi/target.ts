import { posix } from 'node:path';
import { MinkeError } from '../errors/index.ts';

/** The Docker API versions that are answered. */
export const apiVersions = { least: '1.24', most: '1.47' } as const;

/** A request target, brought to the one form in which routes are looked up. */
export interface Target {
  /** Decoded, cleaned, without the version. */
  readonly path: string;
  /** `1.41`; the newest when the path names none. */
  readonly version: string;
  readonly query: URLSearchParams;
  /** Why the path as it was sent is not the path as it is read; only a trick needs that. */
  readonly trick?: string;
}

/** @throws BAD_REQUEST for what is no path or names a version that is not answered */
export function readTarget(url: string): Target {
  const { rawPath, search } = split(url);
  const trick = findTrick(rawPath);
  const cleaned = posix.normalize(decode(rawPath));
  const { path, version } = splitVersion(cleaned);
  return { path, version, query: new URLSearchParams(search), ...(trick === undefined ? {} : { trick }) };
}

function split(url: string): { rawPath: string; search: string } {
  const question = url.indexOf('?');
  if (question < 0) return { rawPath: url, search: '' };
  return { rawPath: url.slice(0, question), search: url.slice(question + 1) };
}

/** Each of these makes two readers of one path see two paths. */
const tricks: readonly (readonly [RegExp, string])[] = [
  [/^[^/]/, 'it must begin with one slash'],
  [/\/\//, 'it has an empty segment'],
  [/(^|\/)\.{1,2}(\/|$)/, 'it has a dot segment'],
  [/[\\;#]/, 'it has a character that readers of paths disagree on'],
  [/%(?![0-9a-fA-F]{2})/, 'it has a broken escape'],
  [/%(0[0-9a-f]|1[0-9a-f]|7f|[89a-f][0-9a-f])/i, 'it has an escaped control or foreign character'],
  [/%(2[5def]|3[0-9b]|4[1-9a-f]|5[0-9acf]|6[1-9a-f]|7[0-9ae])/i, 'it escapes what needs no escape'],
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  [/[\u0000-\u0020\u007f-\uffff]/, 'it has a character that must be escaped'],
];

const findTrick = (rawPath: string): string | undefined => tricks.find(([pattern]) => pattern.test(rawPath))?.[1];

function decode(rawPath: string): string {
  try {
    const decoded = decodeURIComponent(rawPath.replace(/^[a-z]+:\/\/[^/]*/i, ''));
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    if (!/[\u0000-\u001f\u007f]/.test(decoded)) return decoded.startsWith('/') ? decoded : `/${decoded}`;
  } catch {
    // A broken escape; told below.
  }
  throw new MinkeError('BAD_REQUEST', { reason: `"${rawPath}" is not a path` });
}

function splitVersion(path: string): { path: string; version: string } {
  const found = /^\/v(\d+\.\d+)(\/.*)$/.exec(path);
  if (found === null) return { path, version: apiVersions.most };
  const [, version = '', rest = ''] = found;
  if (isOlder(version, apiVersions.least)) {
    const reason = `client version ${version} is too old; the oldest API version is ${apiVersions.least}`;
    throw new MinkeError('BAD_REQUEST', { reason });
  }
  if (isOlder(apiVersions.most, version)) {
    const reason = `client version ${version} is too new; the newest API version is ${apiVersions.most}`;
    throw new MinkeError('BAD_REQUEST', { reason });
  }
  return { path: rest, version };
}

export function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split('.').map(Number);
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}
