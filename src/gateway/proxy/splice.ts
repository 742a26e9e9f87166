import type { Socket } from 'node:net';

/** Joins two connections, half-closes included, until both directions have ended or one side breaks. Never rejects. */
export async function splice(one: Socket, other: Socket, signal: AbortSignal): Promise<void> {
  const end = (): void => {
    one.destroy();
    other.destroy();
  };
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  one.setTimeout(0);
  one.pipe(other);
  other.pipe(one);
  await Promise.all([closed(one, other), closed(other, one)]);
  signal.removeEventListener('abort', end);
}

/** A broken side takes the other with it; one that ended in order has said so through the pipe already. */
function closed(socket: Socket, peer: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => peer.destroy());
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
    socket.once('close', () => {
      if (!peer.writableEnded) peer.destroy();
    });
  });
}
