import type { Socket } from 'node:net';
import type { Clock } from '../observe/clock.ts';
import { ClientGone, type Call } from './call.ts';

/** First look after this long, then once a second: a client that closed answers the first write with a reset. */
const firstLookMs = 50;
const laterLookMs = 1_000;

/**
 * A client that ends its side has gone, or waits for its answer with nothing more to say; TCP shows both alike until
 * something is written, which who has gone resets, and that ends the call by way of the response's `close`.
 *
 *   before the answer   "100 Continue", which every HTTP/1.1 client skips, is written; HTTP/1.0 knows no such answers, so that
 *                       its clients are waited for until the answer
 *   within the answer   its next bytes do; a client is not waited for when none come
 */
export function watchHalfClose(socket: Socket, clock: Clock, calls: () => readonly Call[]): void {
  socket.once('end', () => {
    const [call] = calls();
    if (call !== undefined) void probe(call, socket, clock);
  });
}

async function probe(call: Call, socket: Socket, clock: Clock): Promise<void> {
  const { request, response, signal } = call;
  if (response.writableEnded || call.upgrade !== undefined) return;
  if (response.headersSent) await leaveSilence(call, socket, clock);
  if (request.httpVersion === '1.0') return;
  for (let waitMs = firstLookMs; !signal.aborted && !response.headersSent; waitMs = laterLookMs) {
    response.writeContinue();
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }
}

/** What waits to be written is for a client that is there and reads slowly. */
async function leaveSilence({ response, signal, abort }: Call, socket: Socket, clock: Clock): Promise<void> {
  const written = socket.bytesWritten;
  await clock.sleep(laterLookMs, signal).catch(() => undefined);
  const isSilent = socket.bytesWritten === written && socket.writableLength === 0;
  if (isSilent && !response.writableEnded) abort(new ClientGone());
}
