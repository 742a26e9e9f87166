import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import {
  failedAnswer,
  requestOf,
  wholeAnswer,
  type FunctionRequest,
  type Handler,
  type WholeAnswer,
} from './handler.ts';

/** What a CGI program talks with: the process's own, but for tests. */
export interface CgiStreams {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/**
 * The one request of a `cgi` function (RFC 3875), answered by `handle`. Resolves when the answer is written, to the exit
 * code that the process is to end with: 0, or 1 where `handle` failed. Never rejects.
 *
 *     process.exitCode = await cgi(async ({ query }) => ({ json: { hello: query.get('name') } }));
 */
export async function cgi(handle: Handler, streams: CgiStreams = process): Promise<number> {
  const { stdin, stdout, stderr } = streams;
  let hasBegun = false;
  const begin = async (answer: WholeAnswer): Promise<void> => {
    const head = headOf(answer);
    hasBegun = true;
    await write(stdout, head);
  };
  try {
    const answer = wholeAnswer(await handle(readRequest(streams)));
    await begin(answer);
    if (answer.body instanceof Uint8Array) await write(stdout, answer.body);
    else for await (const piece of answer.body) await write(stdout, piece);
    return 0;
  } catch (error) {
    stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    if (!hasBegun) {
      const answer = failedAnswer();
      await begin(answer);
      await write(stdout, answer.body as Uint8Array);
    }
    return 1;
  } finally {
    // What was not asked for of the body must not keep the process alive.
    stdin.destroy();
  }
}

function readRequest({ env, stdin }: CgiStreams): FunctionRequest {
  const headers = Object.fromEntries(
    Object.entries(env).flatMap(([name, value = '']): [string, string][] => {
      if (name.startsWith('HTTP_')) return [[headerName(name.slice('HTTP_'.length)), value]];
      return (name === 'CONTENT_TYPE' || name === 'CONTENT_LENGTH') && value !== '' ? [[headerName(name), value]] : [];
    }),
  );
  const { REQUEST_METHOD: method = 'GET', PATH_INFO: path = '', QUERY_STRING: query = '' } = env;
  const head = { method, path: path === '' ? '/' : path, query: new URLSearchParams(query), headers };
  return requestOf({ ...head, signal: new AbortController().signal }, stdin as AsyncIterable<Buffer>);
}

const headerName = (name: string): string => name.toLowerCase().replaceAll('_', '-');

function headOf({ status, headers }: WholeAnswer): string {
  const lines = headers.map(([name, value]) => `${name}: ${oneLine(name, value)}`);
  return [`Status: ${status}`, ...lines, '', ''].join('\r\n');
}

/** @throws TypeError where a value would end its line, and begin a header that nobody meant */
function oneLine(name: string, value: string): string {
  if (/[\r\n\0]/.test(name + value)) throw new TypeError(`The header ${JSON.stringify(name)} has a line break in it`);
  return value;
}

async function write(stdout: Writable, piece: string | Uint8Array): Promise<void> {
  if (piece.length > 0 && !stdout.write(piece)) await once(stdout, 'drain');
}
