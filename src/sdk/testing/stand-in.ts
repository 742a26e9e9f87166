import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prefix, routes, type RouteName } from '../../api/routes.ts';
import { MinkeError, toMinkeError } from '../../errors/index.ts';

/**
 * A stand-in for the daemon in tests of the faces: a real HTTP server on a real socket that answers by the route table.
 * It knows no containers; what a route does is the test's to say.
 */
export interface StandIn {
  readonly folder: string;
  readonly socketPath: string;
  /** What CLI and SDK need to find it. */
  readonly env: { readonly MINKE_DATA: string };
  /** Every request, in order of arrival, as `METHOD /path?query`. */
  readonly seen: readonly string[];
  close(): Promise<void>;
}

export interface Received {
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** The body, which must be JSON. */
  readonly json: () => unknown;
}

/** Answers the request; what it throws is answered as the API answers errors. */
export type Answerer = (received: Received, answer: ServerResponse) => unknown;

export type Script = Partial<Record<RouteName, Answerer>>;

export async function startStandIn(script: Script): Promise<StandIn> {
  const folder = await mkdtemp(join(tmpdir(), 'minke-'));
  const socketPath = join(folder, 'minke.sock');
  const seen: string[] = [];
  const server = createServer((request, answer) => {
    seen.push(`${request.method} ${request.url}`);
    serve(script, request, answer).catch((error: unknown) => refuse(answer, toMinkeError(error)));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    folder,
    socketPath,
    env: { MINKE_DATA: folder },
    seen,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function sendJson(answer: ServerResponse, body: unknown, status = 200): void {
  answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function sendLines(answer: ServerResponse, lines: readonly unknown[]): void {
  answer.writeHead(200, { 'content-type': 'application/x-ndjson' });
  for (const line of lines) answer.write(`${JSON.stringify(line)}\n`);
  answer.end();
}

async function serve(script: Script, request: IncomingMessage, answer: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://minke');
  const found = match(request.method ?? '', url.pathname);
  const answerer = found === undefined ? undefined : script[found.name];
  if (found === undefined || answerer === undefined) {
    throw new MinkeError('NOT_FOUND', { method: request.method, path: url.pathname });
  }
  const body = Buffer.concat(await request.toArray());
  const received = { parameters: found.parameters, query: url.searchParams, headers: request.headers, body };
  await answerer({ ...received, json: () => jsonOf(request, body) }, answer);
}

function match(method: string, path: string): { name: RouteName; parameters: Record<string, string> } | undefined {
  for (const [name, route] of Object.entries(routes)) {
    const pattern = new RegExp(`^${prefix}${route.path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    const groups = route.method === method ? pattern.exec(path) : null;
    if (groups !== null) return { name: name as RouteName, parameters: decode(groups.groups ?? {}) };
  }
  return undefined;
}

const decode = (groups: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(groups).map(([key, value]) => [key, decodeURIComponent(value)]));

function jsonOf(request: IncomingMessage, body: Buffer): unknown {
  if (request.headers['content-type'] !== 'application/json') {
    throw new MinkeError('BAD_REQUEST', { reason: `Content-Type is ${String(request.headers['content-type'])}` });
  }
  return JSON.parse(body.toString());
}

function refuse(answer: ServerResponse, error: MinkeError): void {
  if (answer.headersSent) answer.destroy();
  else sendJson(answer, { error: error.toJSON() }, error.entry.status);
}
