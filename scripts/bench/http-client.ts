import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** One connection that is kept, for one request at a time: as little work as reading an answer takes. */
export interface HttpClient {
  /** Resolves with the body when all of the answer is there. Rejects unless it is a 200 or 202 that came whole, and in time. */
  get(path: string): Promise<string>;
  post(path: string, json: string): Promise<string>;
  close(): void;
}

const answerLimitMs = 60_000;

export type HttpPeer = { readonly host: string; readonly port: number } | { readonly path: string };

export async function openHttpClient(peer: HttpPeer): Promise<HttpClient> {
  const socket = connect({ ...peer, noDelay: true });
  const name = 'path' in peer ? 'localhost' : `${peer.host}:${peer.port}`;
  await once(socket, 'connect');
  let waiting: ((error?: Error) => void) | undefined;
  let seen = '';
  const settle = (error?: Error): void => waiting?.(error);
  socket.setTimeout(answerLimitMs, () => socket.destroy(new Error(`no answer within ${answerLimitMs / 1000} s`)));
  socket.on('error', settle);
  socket.on('close', () => settle(new Error(`the connection was closed after ${JSON.stringify(seen)}`)));
  socket.on('data', (chunk: Buffer) => {
    seen += chunk.toString('latin1');
    if (isWhole(seen)) settle();
  });
  const ask = async (start: string, rest: string): Promise<string> => {
    seen = '';
    if (socket.destroyed) throw new Error('the connection has been closed while it was idle');
    await new Promise<void>((resolve, reject) => {
      waiting = (error) => (error === undefined ? resolve() : reject(error));
      socket.write(`${start} HTTP/1.1\r\nHost: ${name}\r\n${rest}`);
    });
    waiting = undefined;
    return bodyOf(seen);
  };
  return {
    get: async (path) => await ask(`GET ${path}`, '\r\n'),
    post: async (path, json) =>
      await ask(
        `POST ${path}`,
        `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`,
      ),
    close: () => closeQuietly(socket),
  };
}

const headEnd = '\r\n\r\n';

/** Chunked, or with a length: an answer on a connection that is kept says in one of the two ways where it ends. */
function isWhole(text: string): boolean {
  const at = text.indexOf(headEnd);
  if (at < 0) return false;
  const length = /^content-length: *(\d+)/im.exec(text.slice(0, at))?.[1];
  return length === undefined ? text.endsWith(`\r\n0${headEnd}`) : text.length === at + headEnd.length + Number(length);
}

function bodyOf(text: string): string {
  const at = text.indexOf(headEnd);
  const [head, rest] = [text.slice(0, at), text.slice(at + headEnd.length)];
  const body = /^transfer-encoding: *chunked/im.test(head) ? unchunked(rest) : rest;
  if (!/^HTTP\/1\.1 20[02] /.test(head)) throw new Error(`the answer was ${head.split('\r\n')[0]} ${body}`);
  return body;
}

function unchunked(text: string): string {
  const lineEnd = text.indexOf('\r\n');
  const length = Number.parseInt(text.slice(0, lineEnd), 16);
  const from = lineEnd + 2;
  return length === 0 ? '' : text.slice(from, from + length) + unchunked(text.slice(from + length + 2));
}

function closeQuietly(socket: Socket): void {
  socket.removeAllListeners('close');
  socket.destroy();
}
