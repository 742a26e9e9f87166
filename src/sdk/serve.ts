import { once } from 'node:events';
import type * as nodeHttp from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  failedAnswer,
  requestOf,
  wholeAnswer,
  type FunctionRequest,
  type Handler,
  type WholeAnswer,
} from './handler.ts';

const http = createRequire(import.meta.url)('node:http') as typeof nodeHttp; // why: transport.ts

export interface ServeOptions {
  /** Default: PORT, as minke sets it, else 8080. */
  readonly port?: number;
  /** Default: every address. */
  readonly host?: string;
}

export interface Serving {
  readonly port: number;
  /** Takes no new request and resolves when those under way are answered. Idempotent. */
  close(): Promise<void>;
}

/**
 * The server of an `http` function: resolves when it listens, rejects as `net.Server` does when it cannot. SIGTERM lets the requests
 * under way end and then nothing keeps the process alive.
 *
 *     await serve(async (request) => ({ json: await request.json() }));
 */
export async function serve(handle: Handler, options: ServeOptions = {}): Promise<Serving> {
  const { port = Number(process.env['PORT'] ?? 8080), host } = options;
  const server = http.createServer((request, response) => void answer(handle, request, response));
  server.listen({ port, host });
  await once(server, 'listening');
  let closing: Promise<unknown> | undefined;
  const close = async (): Promise<void> => {
    process.removeListener('SIGTERM', closeOnSignal);
    closing ??= once(server.close(), 'close');
    await closing;
  };
  const closeOnSignal = (): void => void close();
  process.once('SIGTERM', closeOnSignal);
  return { port: (server.address() as AddressInfo).port, close };
}

/** Never rejects. */
async function answer(handle: Handler, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new Error('the client has gone'));
  });
  try {
    await send(wholeAnswer(await handle(readRequest(incoming, gone.signal))), response);
  } catch (error) {
    if (gone.signal.aborted) return;
    console.error(error);
    if (response.headersSent) response.destroy();
    else await send(failedAnswer(), response).catch(() => response.destroy());
  }
}

function readRequest(incoming: IncomingMessage, signal: AbortSignal): FunctionRequest {
  const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://function');
  const path = below(pathname, incoming.headers['minke-route']);
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value = '']) => [name, [value].flat().join(', ')]),
  );
  const head = { method: incoming.method ?? 'GET', path: decode(path), query: searchParams, headers, signal };
  return requestOf(head, incoming as AsyncIterable<Buffer>);
}

/** The gateway passes paths on as they are, and says which route led here. */
function below(path: string, route: string | string[] | undefined): string {
  if (typeof route !== 'string' || route === '/' || !`${path}/`.startsWith(`${route}/`)) return path;
  const rest = path.slice(route.length);
  return rest === '' ? '/' : rest;
}

/** As it was sent where it is no UTF-8. */
function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

async function send({ status, headers, body }: WholeAnswer, response: ServerResponse): Promise<void> {
  response.writeHead(status, headers.flat());
  if (body instanceof Uint8Array) response.end(body);
  else await pipeline(Readable.from(body), response);
}
