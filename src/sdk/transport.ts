import type * as nodeHttp from 'node:http';
import type { Agent, IncomingMessage, RequestOptions } from 'node:http';
import { createRequire } from 'node:module';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { pathOf, routes, type Query, type RouteName } from '../api/routes.ts';
import type { Address } from './address.ts';
import { errorOf } from './answer-error.ts';
import { connectionError } from './connection-error.ts';
import { linesOf } from './lines.ts';

// `import` reads every export of node:http, and some of them load a whole web client when they are read: 35 of the 60 ms
// that a short program with this SDK would take to start (measured with Node 24). `require` reads none.
const http = createRequire(import.meta.url)('node:http') as typeof nodeHttp;

/** One daemon, spoken to by the names of its routes. Answers beyond 2xx reject with the MinkeError in their body. */
export interface Transport {
  readonly address: Address;
  /** The answer's head; its body is the caller's to read or to destroy. */
  open(route: RouteName, call?: Call): Promise<IncomingMessage>;
  bytes(route: RouteName, call?: Call): Promise<Buffer>;
  json<T>(route: RouteName, call?: Call): Promise<T>;
  /** application/x-ndjson, line by line as it comes. Rejects with CONNECTION_LOST when it is cut. */
  lines<T>(route: RouteName, call?: Call): AsyncIterable<T>;
}

export interface Call {
  readonly parameters?: Readonly<Record<string, string>>;
  readonly query?: Query;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: Buffer | string | Readable;
  /** Rejects with the signal's reason, as fetch does. */
  readonly signal?: AbortSignal | undefined;
}

export function createTransport(address: Address): Transport {
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 4 });
  const open = async (route: RouteName, call: Call = {}): Promise<IncomingMessage> => {
    call.signal?.throwIfAborted();
    const answer = await send(address, agent, route, call);
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    throw errorOf(call.parameters?.function ?? address.text, answer, await drain(address, answer, call.signal));
  };
  const bytes = async (route: RouteName, call: Call = {}): Promise<Buffer> =>
    drain(address, await open(route, call), call.signal);
  return {
    address,
    open,
    bytes,
    json: async <T>(route: RouteName, call?: Call) => JSON.parse((await bytes(route, call)).toString()) as T,
    lines: async function* <T>(route: RouteName, call: Call = {}) {
      for await (const line of linesOf(chunksOf(address, await open(route, call), call.signal))) {
        yield JSON.parse(line) as T;
      }
    },
  };
}

/**
 * A kept connection may be closed by the daemon just as it is used again. What changes nothing when it is sent twice is
 * sent once more then; all else gets a connection of its own.
 */
async function send(address: Address, agent: Agent, route: RouteName, call: Call): Promise<IncomingMessage> {
  const isRepeatable = routes[route].method === 'GET' || call.headers?.['idempotency-key'] !== undefined;
  let by = isRepeatable ? agent : undefined;
  for (;;) {
    const answer = await attempt(address, by, route, call);
    if (answer === 'stale') by = undefined;
    else if (answer === 'busy') await delay(busyPauseMs * (1 + Math.random()));
    else return answer;
    if (call.signal?.aborted === true) throw call.signal.reason;
  }
}

/** Between two attempts while more are waiting at the socket than fit; the daemon takes up hundreds at once. */
const busyPauseMs = 10;

function attempt(
  address: Address,
  agent: Agent | undefined,
  route: RouteName,
  call: Call,
): Promise<IncomingMessage | 'stale' | 'busy'> {
  return new Promise((resolve, reject) => {
    const { payload, headers } = payloadOf(call);
    const request = http.request({ ...requestOptions(address, route, call), headers, agent: agent ?? false });
    request.once('response', resolve);
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (agent !== undefined && request.reusedSocket && staleCodes.has(error.code ?? '')) resolve('stale');
      // A Unix socket whose queue is full says so at once (connect(2)); nothing has been sent.
      else if (error.code === 'EAGAIN' && error.syscall === 'connect' && isWhole(payload)) resolve('busy');
      else reject(connectionError(address, error, call.signal));
    });
    if (isWhole(payload)) request.end(payload);
    else {
      // The answer may begin before the body does.
      request.flushHeaders();
      payload.once('error', (error) => request.destroy(error)).pipe(request);
    }
  });
}

/** How the end of a kept connection shows, by how far the news of it has come (a Unix socket's first as EPIPE). */
const staleCodes: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

const isWhole = (payload: Call['body']): payload is Buffer | string | undefined =>
  payload === undefined || typeof payload === 'string' || Buffer.isBuffer(payload);

function requestOptions(address: Address, route: RouteName, call: Call): RequestOptions {
  return {
    ...('socketPath' in address
      ? { socketPath: address.socketPath, host: 'minke' }
      : { host: address.host, port: address.port }),
    method: routes[route].method,
    path: pathOf(route, call.parameters, call.query),
    ...(call.signal === undefined ? {} : { signal: call.signal }),
  };
}

function payloadOf({ json, body, headers = {} }: Call): {
  payload: Call['body'];
  headers: Record<string, string | number>;
} {
  const payload = json === undefined ? body : JSON.stringify(json);
  if (payload === undefined) return { payload, headers: { ...headers } };
  const type = json === undefined ? 'application/octet-stream' : 'application/json';
  const length = isWhole(payload) ? { 'content-length': Buffer.byteLength(payload) } : {};
  return { payload, headers: { 'content-type': type, ...length, ...headers } };
}

async function drain(address: Address, answer: IncomingMessage, signal: AbortSignal | undefined): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(address, answer, signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* chunksOf(
  address: Address,
  answer: IncomingMessage,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of answer) yield chunk as Buffer;
  } catch (error) {
    throw connectionError(address, error, signal);
  }
}
