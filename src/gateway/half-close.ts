import type { Socket } from 'node:net';
import type { Clock } from '../observe/clock.ts';
import { ClientGone, type Call } from './call.ts';

/** First look after this long, then once a second: a client that closed answers the first write with a reset. */
const firstLookMs = 50;
const laterLookMs = 1_000;

/**
 * A client that ends its side has gone, or waits for its answer with nothing more to say; TCP shows both alike. Before
 * the answer has begun, "100 Continue" (which every HTTP/1.1 client skips) tells them apart: who has gone resets the
 * connection, which ends the call by way of the response's `close`. HTTP/1.0 knows no such answers, and inside an answer
 * there is no room for one: there the end of the client's side is taken for its end.
 */
export function watchHalfClose(socket: Socket, clock: Clock, calls: () => readonly Call[]): void {
  socket.once('end', () => {
    for (const call of calls()) void probe(call, clock);
  });
}

async function probe(call: Call, clock: Clock): Promise<void> {
  const { request, response, signal } = call;
  if (response.writableEnded || call.upgrade !== undefined) return;
  if (response.headersSent || request.httpVersion === '1.0') call.abort(new ClientGone());
  for (let waitMs = firstLookMs; !signal.aborted && !response.headersSent; waitMs = laterLookMs) {
    response.writeContinue();
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }
}
