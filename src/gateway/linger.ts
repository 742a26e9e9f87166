import type { Socket } from 'node:net';
import type { Clock } from '../observe/clock.ts';

/**
 * The connection is to be closed while its client still sends. Closing at once would answer what comes with a reset, which
 * makes many clients lose the answer that told them to stop. So only this side is ended, and what comes is read away until
 * the client has closed its own, for `limitMs` at the most (RFC 9112, 9.6).
 */
export function lingerOnClose(socket: Socket, clock: Clock, limitMs: number): void {
  // What Node's server calls behind the last answer of a connection.
  socket.destroySoon = () => {
    socket.destroySoon = () => void socket.destroy();
    const over = new AbortController();
    socket.once('close', () => over.abort('over'));
    socket.once('end', () => socket.destroy());
    socket.end();
    clock.sleep(limitMs, over.signal).then(
      () => socket.destroy(),
      () => undefined,
    );
  };
}
