import { setTimeout as delay } from 'node:timers/promises';
import { MinkeError } from '../../errors/index.ts';
import { parseChallenge, type Challenge } from './challenge.ts';
import type { Credentials } from './credentials.ts';
import { resolveLocation, type Endpoint } from './endpoint.ts';
import { readAtMost } from './read-body.ts';
import type { Headers, Http, HttpAnswer } from './http.ts';

/** Requests about one repository, with whatever login the registry asks for. */
export interface Session {
  readonly endpoint: Endpoint;
  readonly image: string;
  /**
   * `path` lies below `/v2/REPOSITORY/`. Answers 200 and 206; rejects with IMAGE_NOT_FOUND, IMAGE_ACCESS_DENIED,
   * REGISTRY_UNREACHABLE, or REGISTRY_FAILED. A registry that is busy or failing is asked again.
   */
  get(path: string, headers: Headers, signal: AbortSignal | undefined): Promise<HttpAnswer>;
}

export interface SessionOptions {
  readonly endpoint: Endpoint;
  readonly repository: string;
  /** As errors call it. */
  readonly image: string;
  readonly http: Http;
  readonly credentials: Credentials | undefined;
  /** Waited before each further attempt; as many as there are. */
  readonly retryDelaysMs: readonly number[];
}

export function createSession(options: SessionOptions): Session {
  const { endpoint, repository, image, http, retryDelaysMs } = options;
  let authorization: string | undefined;
  const ask = async (path: string, headers: Headers, signal: AbortSignal | undefined): Promise<HttpAnswer> => {
    const url = new URL(`/v2/${repository}/${path}`, endpoint.origin);
    const send = async (): Promise<HttpAnswer> => {
      const login: Headers = authorization === undefined ? {} : { authorization };
      return await http.get(url, { ...headers, ...login }, signal);
    };
    const first = await send();
    if (first.status !== 401) return first;
    first.body.destroy();
    // Anew each time, since a token ends while a large image comes.
    authorization = await authorize(options, parseChallenge(first.headers['www-authenticate']), url, signal);
    return await send();
  };
  return {
    endpoint,
    image,
    get: async (path, headers, signal) => {
      for (const waitMs of [...retryDelaysMs, undefined]) {
        const answer = await ask(path, headers, signal);
        if (answer.status === 200 || answer.status === 206) return answer;
        const error = await failureOf(answer, options);
        if (waitMs === undefined || !isPassing(answer.status)) throw error;
        await delay(waitMs, undefined, { signal });
      }
      throw new Error('The last attempt neither answered nor failed');
    },
  };
}

const isPassing = (status: number): boolean => status === 429 || status >= 500;

async function authorize(
  options: SessionOptions,
  challenge: Challenge | undefined,
  asked: URL,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { credentials, endpoint, image } = options;
  const denied = (reason: string): never => {
    throw new MinkeError('IMAGE_ACCESS_DENIED', { image, registry: endpoint.host, reason });
  };
  if (challenge === undefined) return denied('it asks for a kind of login that minke does not know');
  if (challenge.scheme === 'bearer') return `Bearer ${await fetchToken(options, challenge, asked, signal)}`;
  return credentials === undefined ? denied('it asks for a login') : basic(credentials);
}

const basic = ({ username, password }: Credentials): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

/** Distribution's token authentication: GET realm?service=&scope=, with the login where there is one. */
async function fetchToken(
  options: SessionOptions,
  { realm, service, scope }: Extract<Challenge, { scheme: 'bearer' }>,
  asked: URL,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { credentials, endpoint, image, http, repository } = options;
  const url = resolveLocation(realm, asked, endpoint, image);
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.set('scope', scope ?? `repository:${repository}:pull`);
  const answer = await http.get(url, credentials === undefined ? {} : { authorization: basic(credentials) }, signal);
  if (answer.status !== 200) throw await failureOf(answer, options);
  const { token, access_token: accessToken } = parseToken(await readAtMost(answer.body, maxTokenBytes));
  const found = token ?? accessToken;
  if (typeof found === 'string' && /^[\x21-\x7e]+$/.test(found)) return found;
  throw new MinkeError('REGISTRY_FAILED', { image, registry: endpoint.host, reason: 'it gave no token' });
}

const maxTokenBytes = 1 << 20;

function parseToken(bytes: Buffer | undefined): { readonly token?: unknown; readonly access_token?: unknown } {
  try {
    return (JSON.parse(bytes?.toString() ?? '') ?? {}) as object;
  } catch {
    return {};
  }
}

async function failureOf(answer: HttpAnswer, options: SessionOptions): Promise<MinkeError> {
  const { image, endpoint, credentials } = options;
  const registry = endpoint.host;
  const said = messageIn(await readAtMost(answer.body, maxTokenBytes).catch(() => undefined));
  const more = said === '' ? '' : `: ${said}`;
  if (answer.status === 404)
    return new MinkeError('IMAGE_NOT_FOUND', { image, reason: `the registry ${registry} does not have it${more}` });
  if (answer.status === 401 || answer.status === 403) {
    const who = credentials === undefined ? 'without a login' : `with the login of "${credentials.username}"`;
    return new MinkeError('IMAGE_ACCESS_DENIED', { image, registry, reason: `not ${who}${more}` });
  }
  return new MinkeError('REGISTRY_FAILED', { image, registry, reason: `it answered ${answer.status}${more}` });
}

/** `{"errors": [{"code", "message"}]}`, as the distribution specification has it; short, whatever it is. */
function messageIn(bytes: Buffer | undefined): string {
  try {
    const { errors } = JSON.parse(bytes?.toString() ?? '') as { errors?: readonly { message?: unknown }[] };
    const message = errors?.[0]?.message;
    // oxlint-disable-next-line no-control-regex -- what another host says is shown on a terminal
    return typeof message === 'string' ? message.replace(/[\x00-\x1f\x7f]/g, ' ').slice(0, 200) : '';
  } catch {
    return '';
  }
}
