import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Reached } from './corpus/sent.ts';
import { parseStrictly } from './strict-request.ts';

/** A server that keeps what reaches it, and answers everything with 200 and no body. */
export interface Recorder extends AsyncDisposable {
  readonly port: number;
  /** Those that arrived whole, in their order. */
  readonly requests: readonly Reached[];
  /** All that a function could read, for a search. */
  readonly seen: () => string;
  /** What was not HTTP as it must be: something that a proxy sent and should not have. */
  readonly slips: readonly string[];
}

/** Reads the bytes with a parser of its own that takes nothing but the plainest HTTP/1. */
export async function openStrictRecorder(): Promise<Recorder> {
  const requests: Reached[] = [];
  const slips: string[] = [];
  const chunks: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket)).on('error', () => undefined);
    let pending = Buffer.alloc(0);
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
      pending = Buffer.concat([pending, chunk]);
      for (let next = parseStrictly(pending); next !== undefined; next = parseStrictly(pending)) {
        pending = pending.subarray(next.length);
        requests.push(next.request);
        if (next.expectsContinue) socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      }
    };
    socket.on('data', (chunk: Buffer) => {
      try {
        take(chunk);
      } catch (error) {
        slips.push(String(error));
        socket.destroy();
      }
    });
  });
  const seen = (): string => Buffer.concat(chunks).toString('latin1');
  const end = (): void => sockets.forEach((socket) => socket.destroy());
  return { port: await open(server), requests, seen, slips, ...disposal(server, end) };
}

/** Reads with the parser that most functions in Node have. */
export async function openNodeRecorder(): Promise<Recorder> {
  const requests: Reached[] = [];
  const slips: string[] = [];
  const heads: string[] = [];
  const server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined).on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      const { method = '', url: target = '', rawHeaders, rawTrailers } = request;
      heads.push(...rawHeaders, ...rawTrailers);
      requests.push({ method, target, body: Buffer.concat(chunks).toString('latin1') });
      response.writeHead(200, { 'Content-Length': '0' }).end();
    });
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code?.startsWith('HPE_') === true && error.code !== 'HPE_INVALID_EOF_STATE') slips.push(error.code);
    socket.destroy();
  });
  return {
    port: await open(server),
    requests,
    slips,
    seen: () => heads.join('\n'),
    ...disposal(server, () => server.closeAllConnections()),
  };
}

async function open(server: Server | HttpServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const disposal = (server: Server | HttpServer, endConnections: () => void): AsyncDisposable => ({
  [Symbol.asyncDispose]: async () => {
    const closed = once(server, 'close');
    server.close();
    endConnections();
    await closed;
  },
});
