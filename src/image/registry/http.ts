import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { MinkeError } from '../../errors/index.ts';
import { http } from '../../linux/node-http.ts';
import { resolveLocation, type Endpoint } from './endpoint.ts';

/** GET for one registry, with its redirects. Nothing is retried here. */
export interface Http {
  /** Resolves with the head of the answer; the body is the caller's to read or to destroy. Rejects with REGISTRY_UNREACHABLE. */
  get(url: URL, headers: Headers, signal: AbortSignal | undefined): Promise<HttpAnswer>;
  close(): void;
}

export type Headers = Readonly<Record<string, string>>;

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: IncomingMessage;
}

export interface HttpOptions {
  /** HTTPS_PROXY and NO_PROXY are read here; what lies on this machine is never asked through a proxy. */
  readonly env: NodeJS.ProcessEnv;
  /** A connection on which nothing comes for so long is broken. */
  readonly silenceMs: number;
}

export function createHttp(endpoint: Endpoint, image: string, { env, silenceMs }: HttpOptions): Http {
  const secure = new Agent({ keepAlive: true, proxyEnv: endpoint.isLoopback ? undefined : env });
  const plain = new http.Agent({ keepAlive: true });
  const once = async (url: URL, headers: Headers, signal: AbortSignal | undefined): Promise<HttpAnswer> =>
    await new Promise((resolve, reject) => {
      const isPlain = url.protocol === 'http:';
      const options = { agent: isPlain ? plain : secure, headers: { 'user-agent': 'minke', ...headers }, signal };
      const outgoing = (isPlain ? http.request : request)(url, options);
      outgoing.setTimeout(silenceMs, () => outgoing.destroy(new Error(`nothing came for ${silenceMs / 1000} s`)));
      outgoing.on('error', (cause) => reject(signal?.aborted === true ? asError(signal.reason) : unreachable(cause)));
      outgoing.once('response', (body) => resolve({ status: body.statusCode ?? 0, headers: body.headers, body }));
      outgoing.end();
    });
  const unreachable = (cause: Error): MinkeError => {
    const reason = reasonOf(cause);
    return new MinkeError('REGISTRY_UNREACHABLE', { image, registry: endpoint.host, reason }, { cause });
  };
  return {
    get: async (url, headers, signal) => {
      let [at, sent] = [url, headers];
      for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
        const answer = await once(at, sent, signal);
        const { location } = answer.headers;
        if (!isRedirect(answer.status) || location === undefined) return answer;
        answer.body.destroy();
        const next = resolveLocation(location, at, endpoint, image);
        // A login is for the registry that asked for it, not for the store it sends on to.
        if (next.origin !== at.origin) sent = withoutLogin(sent);
        at = next;
      }
      const reason = `it redirects more than ${maxRedirects} times`;
      throw new MinkeError('REGISTRY_FAILED', { image, registry: endpoint.host, reason });
    },
    close: () => {
      secure.destroy();
      plain.destroy();
    },
  };
}

const maxRedirects = 5;

const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status);

const withoutLogin = (headers: Headers): Headers =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'authorization'));

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));

function reasonOf(cause: Error): string {
  const { code = '' } = cause as NodeJS.ErrnoException;
  return reasons[code] ?? (cause.message === '' ? code : cause.message);
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'its name cannot be looked up',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  ETIMEDOUT: 'it gave no answer',
  ECONNRESET: 'the connection broke off',
};
