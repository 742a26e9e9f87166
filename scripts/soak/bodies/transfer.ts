import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export const directions = ['down', 'up'] as const;
export const framings = ['length', 'chunked'] as const;

/** One body through a function that gives (`/give`) or takes (`/take`) it, as test/fixtures/apps/clients has them. */
export interface Transfer {
  readonly direction: (typeof directions)[number];
  readonly framing: (typeof framings)[number];
  readonly bytes: number;
}

/** Rejects when a byte is missing, doubled or another. `base`: the function's address. */
export async function transfer(base: string, { direction, framing, bytes }: Transfer): Promise<void> {
  const hasLength = framing === 'length';
  const answered =
    direction === 'down'
      ? await ask(`${base}/give?bytes=${bytes}${hasLength ? '&length' : ''}`)
      : await ask(`${base}/take`, Readable.from(bytesOf(bytes)), hasLength ? { 'Content-Length': bytes } : {});
  if (answered.statusCode !== 200) throw new Error(`it was answered with ${answered.statusCode}`);
  const given = direction === 'down' ? await digestOf(answered) : Buffer.concat(await answered.toArray()).toString();
  const wanted = await digestOfBytes(bytes);
  if (given !== wanted) throw new Error(`${bytes} bytes ${direction}, ${framing}: ${given} instead of ${wanted}`);
}

async function ask(url: string, body?: Readable, headers: Record<string, number> = {}): Promise<IncomingMessage> {
  const outgoing = httpRequest(url, { method: body === undefined ? 'GET' : 'POST', headers, agent: false });
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  const [[incoming]] = await Promise.all([answered, body === undefined ? outgoing.end() : pipeline(body, outgoing)]);
  return incoming;
}

/** Bytes that are the same each time, and that no shift, loss or repetition leaves as they are. */
export function* bytesOf(count: number): Generator<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  for (let left = count; left > 0; left -= 65_536) yield cipher.update(Buffer.alloc(Math.min(65_536, left)));
}

const known = new Map<number, Promise<string>>();

/** Of so many of the bytes that are the same each time. */
export function digestOfBytes(count: number): Promise<string> {
  const digest = known.get(count) ?? digestOf(Readable.from(bytesOf(count)));
  known.set(count, digest);
  return digest;
}

/** In the words of the function that takes a body. */
export async function digestOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    hash.update(chunk);
  }
  return JSON.stringify({ bytes, sha256: hash.digest('hex') });
}
