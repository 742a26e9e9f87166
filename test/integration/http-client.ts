import { request, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { once } from 'node:events';

/** A server-sent stream of events that is read as it comes. */
export async function openEvents(url: string): Promise<{ next(): Promise<string>; close(): void }> {
  const outgoing = request(url).end();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks = incoming[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  return {
    next: async () => String((await chunks.next()).value),
    close: () => outgoing.destroy(),
  };
}

/** A WebSocket by hand (RFC 6455): sends short texts and answers with what comes back. */
export async function openWebSocket(url: string): Promise<{ say(text: string): Promise<string>; close(): void }> {
  const outgoing = request(url, {
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': Buffer.from('sixteen bytes ok').toString('base64'),
    },
  }).end();
  const [, socket] = (await once(outgoing, 'upgrade')) as [IncomingMessage, Socket, Buffer];
  return {
    say: async (text) => {
      const mask = Buffer.from([1, 2, 3, 4]);
      const payload = Buffer.from(text).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
      socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, payload]));
      const [frame] = (await once(socket, 'data')) as [Buffer];
      return frame.subarray(2).toString();
    },
    close: () => socket.destroy(),
  };
}

/** A body that is sent piece by piece, when the test says so. */
export function openUpload(url: string): { send(bytes: Buffer): Promise<void>; end(): Promise<unknown> } {
  const outgoing = request(url, { method: 'POST' });
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  answered.catch(() => undefined);
  return {
    send: async (bytes) => {
      await new Promise<void>((resolve, reject) =>
        outgoing.write(bytes, (error) => (error === null || error === undefined ? resolve() : reject(error))),
      );
    },
    end: async () => {
      outgoing.end();
      const [incoming] = await answered;
      const chunks = await incoming.toArray();
      return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
    },
  };
}
