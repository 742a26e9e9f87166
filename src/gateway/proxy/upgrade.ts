import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { http } from '../../linux/node-http.ts';
import { NoAnswer, refuseClosed } from './exchange.ts';
import { clientHeaders, headerLines, type Headers } from './headers.ts';
import { splice } from './splice.ts';

export interface UpgradeExchange {
  readonly socket: Socket;
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly client: { readonly socket: Socket; readonly head: Buffer };
  readonly response: ServerResponse;
  readonly fields: () => readonly (readonly [string, string])[];
  readonly answered: () => void;
  readonly signal: AbortSignal;
}

/**
 * Asks the instance for a WebSocket and, if it agrees, joins the two connections until one of them ends. If it does not,
 * its answer is passed on. Throws as `exchangeHttp` does.
 */
export async function exchangeUpgrade(exchange: UpgradeExchange): Promise<void> {
  const { socket, method, url, headers, signal } = exchange;
  refuseClosed(socket);
  const outgoing = http.request({
    createConnection: () => socket,
    method,
    path: url,
    setHost: false,
    headers: { ...headers, Connection: 'Upgrade', Upgrade: 'websocket' },
  });
  const cancel = (): void => {
    outgoing.destroy();
    socket.destroy();
  };
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const answer = new Promise<readonly [IncomingMessage, Buffer?]>((resolve, reject) => {
      outgoing.once('upgrade', (incoming, _, head) => resolve([incoming, head]));
      outgoing.once('response', (incoming) => resolve([incoming]));
      outgoing.on('error', (error) => reject(new NoAnswer(error.message, { cause: error })));
      outgoing.once('close', () => reject(new NoAnswer('it closed the connection without an answer')));
    });
    outgoing.end();
    const [incoming, head] = await answer;
    exchange.answered();
    if (head === undefined) await refuse(exchange, incoming);
    else await join(exchange, incoming, head);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', cancel);
    socket.destroy();
  }
}

async function join(
  { socket, client, response, fields, signal }: UpgradeExchange,
  incoming: IncomingMessage,
  head: Buffer,
): Promise<void> {
  const own = fields().filter(([name]) => name !== 'Connection');
  const names = own.map(([name]) => name);
  const lines = headerLines([...clientHeaders(incoming.rawHeaders, names), ...own.flat()]);
  response.detachSocket(client.socket);
  client.socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${lines}\r\n`,
    'latin1',
  );
  client.socket.write(head);
  socket.write(client.head);
  await splice(client.socket, socket, signal);
}

async function refuse({ response, fields }: UpgradeExchange, incoming: IncomingMessage): Promise<void> {
  const own = fields();
  const names = [...own.map(([name]) => name), 'trailer'];
  response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage, [
    ...clientHeaders(incoming.rawHeaders, names),
    ...own.flat(),
  ]);
  await pipeline(incoming, response);
}
