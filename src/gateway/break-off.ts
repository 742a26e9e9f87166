import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/**
 * Ends an answer that is not whole so that its client cannot take it for one: without a length and without chunks (HTTP/1.0)
 * only a reset says so.
 */
export function breakOff(response: ServerResponse): void {
  const { socket } = response;
  if (socket instanceof Socket && response.req.httpVersion === '1.0' && socket.remoteAddress !== undefined)
    socket.resetAndDestroy();
  response.destroy();
}
