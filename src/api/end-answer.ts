import type { ServerResponse } from 'node:http';

/** Milliseconds for which what nobody wants of a body is still taken; clients look up from sending well before. */
const lingerMs = 5000;

/**
 * Sends the last of an answer whose head gives its length. A client that still sends its body then would meet a closed
 * connection before it reads why, so the rest is taken and thrown away until it ends, or for `lingerMs` (as nginx's
 * lingering_close does).
 */
export function endAnswer(response: ServerResponse, text: string): void {
  const { req: request } = response;
  if (request.complete || request.destroyed) {
    response.end(text);
    return;
  }
  response.write(text);
  const timer = setTimeout(end, lingerMs);
  function end(): void {
    clearTimeout(timer);
    response.end();
  }
  request.once('end', end).once('close', end).resume();
}
