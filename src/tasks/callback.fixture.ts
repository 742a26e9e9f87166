import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** Somebody who is told of the ends of runs: a real server, which answers with the statuses that it is given, in their order. */
export interface Receiver {
  readonly url: string;
  /** Where the server listens. */
  readonly port: number;
  /** The next that no call of this has answered yet. */
  next(): Promise<Received>;
  /** All so far. */
  readonly received: readonly Received[];
  close(): Promise<void>;
}

export interface Received {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** @param statuses of the first answers; the last one is that of all further ones */
export async function createReceiver(statuses: readonly number[] = [204], port = 0): Promise<Receiver> {
  const received: Received[] = [];
  const unseen: Received[] = [];
  const seers: ((one: Received) => void)[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const one = { path: request.url, headers: request.headers, body };
      const status = statuses[Math.min(received.push(one), statuses.length) - 1] ?? 204;
      response.writeHead(status, status >= 300 && status < 400 ? { location: '/elsewhere' } : {}).end();
      const seer = seers.shift();
      if (seer === undefined) unseen.push(one);
      else seer(one);
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}/ended?shop=1`,
    port: address.port,
    next: async () => unseen.shift() ?? new Promise((resolve) => seers.push(resolve)),
    received,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** As Standard Webhooks has a receiver do it. */
export function isSigned({ headers, body }: Received, secret: Uint8Array): boolean {
  const content = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
  const expected = Buffer.from(`v1,${createHmac('sha256', secret).update(content).digest('base64')}`);
  const signature = Buffer.from(String(headers['webhook-signature']));
  return signature.length === expected.length && timingSafeEqual(signature, expected);
}
