import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { endAnswer } from '../api/end-answer.ts';
import { toMinkeError } from '../errors/index.ts';

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  endAnswer(response, text);
}

export function sendNothing(response: ServerResponse, status: 200 | 204 | 304): void {
  response.writeHead(status).end();
}

/** Docker's form of an error, or an end in the middle where an answer has begun. */
export function sendError(response: ServerResponse, thrown: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const error = toMinkeError(thrown);
  sendJson(response, error.entry.status, { message: error.message });
}

/** Writes at the pace of the reader and stops without a word when it goes. */
export async function pump(pieces: AsyncIterable<Buffer>, sink: Writable): Promise<void> {
  for await (const piece of pieces) {
    if (sink.destroyed) return;
    await write(sink, piece);
  }
}

/** Resolves when the sink takes more, has gone, or `givenUp`. */
export async function write(sink: Writable, piece: Buffer, givenUp?: AbortSignal): Promise<void> {
  if (sink.destroyed || sink.write(piece)) return;
  const settled = new AbortController();
  const signal = givenUp === undefined ? settled.signal : AbortSignal.any([settled.signal, givenUp]);
  const events = ['drain', 'close', 'error'].map(async (event) => {
    await once(sink, event, { signal }).catch(() => undefined);
  });
  await Promise.race(events);
  settled.abort();
}
