import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A client that says exactly what a test wants, well-formed or not. */
export async function openRaw(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  // A server may refuse so soon that nobody sees it connected.
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined);
  return socket;
}

/** Sends the text and resolves with all that comes until the server closes. */
export async function sendRaw(port: number, text: string): Promise<string> {
  const socket = await openRaw(port);
  socket.write(text);
  return readAll(socket);
}

export async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!socket.closed) await Promise.race([once(socket, 'end'), once(socket, 'close')]).catch(() => undefined);
  socket.destroy();
  return Buffer.concat(chunks).toString('latin1');
}

/** Resolves with what has come once it holds `wanted`; rejects when the server closes before. */
export function readUntil(socket: Socket, wanted: string): Promise<string> {
  let seen = '';
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(new Error(`Closed after ${JSON.stringify(seen)}`));
    const take = (chunk: Buffer): void => {
      seen += chunk.toString('latin1');
      if (!seen.includes(wanted)) return;
      socket.off('data', take).off('close', closed);
      resolve(seen);
    };
    socket.on('data', take).once('close', closed);
  });
}
