import type { IncomingMessage, ServerResponse } from 'node:http';
import { endAnswer } from '../../api/end-answer.ts';
import type { RouteName } from '../../api/routes.ts';
import type { Caller } from '../../dockerapi/containers.ts';
import { MinkeError, type ErrorBody } from '../../errors/index.ts';

/** One request to minke's own API. */
export interface ApiCall {
  readonly route: RouteName;
  readonly caller: Caller;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Aborts when the client has gone before its answer was complete. */
  readonly gone: AbortSignal;
}

/** A JSON body; larger ones than an API of small documents needs are refused. */
const bodyLimitBytes = 16 * 1024 * 1024;

export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyLimitBytes) throw new MinkeError('BODY_TOO_LARGE', { limit: `${bodyLimitBytes} bytes` });
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MinkeError('BAD_REQUEST', { reason: 'its body is not JSON' }, { cause });
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  endAnswer(response, text);
}

/** What is wrong with an app file is often more than one thing. */
export function sendError(response: ServerResponse, error: MinkeError, problems: readonly ErrorBody[] = []): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  sendJson(response, error.entry.status, { error: error.toJSON(), ...(problems.length > 0 ? { problems } : {}) });
}

/** application/x-ndjson: the head at once, then a line for each value as it comes. */
export async function sendLines(call: ApiCall, values: AsyncIterable<unknown>): Promise<void> {
  const { response } = call;
  beginLines(response);
  for await (const value of values) await writeLine(call, value);
  response.end();
}

export function beginLines(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
}

export async function writeLine({ response, gone }: ApiCall, value: unknown): Promise<void> {
  if (gone.aborted || response.write(`${JSON.stringify(value)}\n`)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.removeListener('drain', done);
      gone.removeEventListener('abort', done);
      resolve();
    };
    response.once('drain', done);
    gone.addEventListener('abort', done, { once: true });
  });
}

export const isSet = (query: URLSearchParams, name: string): boolean => ['1', 'true'].includes(query.get(name) ?? '');

/** @throws BAD_REQUEST */
export function numberOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new MinkeError('BAD_REQUEST', { reason: `"${name}" is "${text}", which is not a number from 0 on` });
}
