import type { RunRequest } from '../api/types.ts';
import { MinkeError } from '../errors/index.ts';
import { callbackUrlWords, isCallbackUrl } from '../model/callback-url.ts';
import { mostRetries, type RetryRules, type RunMount, type RunOptions, type RunTarget } from '../model/run.ts';
import { flag, integer, isObject, list, mapOf, number, objectOf, oneOf, refuse, text, type Read } from './readers.ts';

/** All arguments together, and all variables together: what Linux takes for one of them (MAX_ARG_STRLEN, execve(2)). */
export const argsLimitBytes = 128 * 1024;
export const envLimitBytes = 128 * 1024;
/** Decoded. */
export const inputLimitBytes = 8 * 1024 * 1024;
/** The longest delay of a timer (2^31 - 1 ms), nearly 25 days. */
export const timeoutLimitMs = 2_147_483_647;

/** A body as it came, checked in full. @throws BAD_REQUEST that names the first field that is wrong, and its mend. */
export function parseRunRequest(body: unknown): RunRequest {
  if (!isObject(body)) return refuse('body', body, 'an object, such as {"target": {"function": "work"}}');
  return readRequest(body, '');
}

/** The header `Idempotency-Key`. */
export function parseIdempotencyKey(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  return text('1 to 255 visible ASCII characters', /^[!-~]{1,255}$/)(value, 'Idempotency-Key');
}

const name = (what: string, pattern: RegExp): Read<string> => text(what, pattern);

const absolutePath = name('an absolute path, such as "/data"', /^\//);
const capability = name('a capability, such as "NET_ADMIN"', /^[A-Z_]+$/);
const strings = list(text());

const readTarget: Read<RunTarget> = (value, place) => {
  const target = objectOf<{ readonly function?: string; readonly image?: string }>({
    function: name('the name of a function, such as "work"', /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/),
    image: name('the reference of an image, such as "alpine:3"', /^[^\s]{1,512}$/),
  })(value, place);
  if (target.function !== undefined && target.image === undefined) return { function: target.function };
  if (target.image !== undefined && target.function === undefined) return { image: target.image };
  throw new MinkeError('BAD_REQUEST', {
    reason: `"${place}" must have either "function" or "image"; write {"function": NAME} or {"image": REFERENCE}`,
  });
};

const readArgs: Read<readonly string[]> = (value, place) => {
  const args = strings(value, place);
  return withinLimit(args, args, argsLimitBytes, place);
};

const readEnv: Read<Readonly<Record<string, string>>> = (value, place) => {
  const variable = name('the name of a variable: not empty, without "="', /^[^=]+$/);
  const env = mapOf(variable, text())(value, place);
  return withinLimit(env, Object.entries(env).flat(), envLimitBytes, place);
};

const readInput: Read<string> = (value, place) => {
  const input = text('base64', /^[A-Za-z0-9+/]*={0,2}$/)(value, place);
  if (input.length % 4 !== 0) return refuse(place, value, 'base64 with its padding ("=")');
  const bytes = Buffer.byteLength(input, 'base64');
  if (bytes > inputLimitBytes) throw tooLarge(place, bytes, inputLimitBytes, 'put it on a volume');
  return input;
};

const readMount = objectOf<Omit<RunMount, 'isNameless'>>(
  {
    type: oneOf('bind', 'volume', 'tmpfs'),
    source: name('the name of a volume or an absolute path', /./),
    target: absolutePath,
    readOnly: flag,
    sizeBytes: integer('bytes', 1),
  },
  ['type', 'target', 'readOnly'],
);

/** Networks, ports and what is of more than one run are the Docker API's to ask for. */
type OwnOptions = Omit<
  RunOptions,
  'attachments' | 'outbound' | 'ports' | 'restart' | 'imageId' | 'stdinOnce' | 'settings' | 'healthcheck'
>;

const readOptions = objectOf<OwnOptions>({
  entrypoint: strings,
  workdir: absolutePath,
  user: text(),
  hostname: name('a host name: letters, digits, "-" and "."', /^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,62})$/),
  labels: mapOf(name('not empty', /./), text()),
  memoryBytes: integer('bytes, 0 for no limit', 0),
  cpus: number('a number of cores of at least 0, such as 0.5', (value) => value >= 0),
  pids: integer('processes', 1),
  resultBytes: integer('bytes', 1),
  readOnlyRoot: flag,
  mounts: list(readMount),
  privileged: flag,
  capAdd: list(capability),
  capDrop: list(capability),
  pidNamespace: oneOf('own', 'host'),
  network: oneOf('app', 'none'),
  keep: flag,
  name: name('a name: letters, digits, "_", "." and "-"', /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/),
  stdin: oneOf('none', 'open'),
  tty: flag,
  stopGraceMs: integer('milliseconds', 0, timeoutLimitMs),
});

const readRetries: Read<RetryRules> = (value, place) => {
  const rules = objectOf<RetryRules>(
    {
      max: integer('attempts beyond the first', 0, mostRetries),
      firstMs: integer('milliseconds', 0, timeoutLimitMs),
      longestMs: integer('milliseconds', 0, timeoutLimitMs),
    },
    ['max', 'firstMs', 'longestMs'],
  )(value, place);
  if (rules.firstMs > rules.longestMs)
    return refuse(`${place}.firstMs`, rules.firstMs, `at most ${rules.longestMs}, which is "longestMs"`);
  return rules;
};

const readCallbackUrl: Read<string> = (value, place) =>
  typeof value === 'string' && isCallbackUrl(value) ? value : refuse(place, value, callbackUrlWords);

const readRequest = objectOf<RunRequest>(
  {
    app: name('the name of an app, such as "shop" or "shop@test"', /^[a-z0-9][a-z0-9_-]*(@[a-z0-9][a-z0-9_-]*)?$/),
    target: readTarget,
    args: readArgs,
    env: readEnv,
    options: readOptions,
    timeoutMs: integer('milliseconds, 0 for no end', 0, timeoutLimitMs),
    notBefore: integer('Unix milliseconds', 0),
    retries: readRetries,
    maxAgeMs: integer('milliseconds', 1),
    input: readInput,
    callback: objectOf({ url: readCallbackUrl }, ['url']),
  },
  ['target'],
);

function withinLimit<T>(value: T, strings: readonly string[], limitBytes: number, place: string): T {
  // One more for each: the byte that ends it.
  const bytes = strings.reduce((sum, string) => sum + Buffer.byteLength(string) + 1, 0);
  if (bytes > limitBytes) throw tooLarge(place, bytes, limitBytes, 'send what is long as "input"');
  return value;
}

function tooLarge(place: string, bytes: number, limitBytes: number, mend: string): MinkeError {
  return new MinkeError('BAD_REQUEST', {
    reason: `"${place}" has ${bytes} bytes, and ${limitBytes} is the most that it may have; ${mend}`,
  });
}
