import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A client that says exactly what a test wants, well-formed or not; `to` is a port on loopback or the path of a socket. */
export async function openRaw(to: number | string): Promise<Socket> {
  const place = typeof to === 'number' ? { port: to, host: '127.0.0.1' } : { path: to };
  const socket = connect({ ...place, allowHalfOpen: true });
  socket.on('error', () => undefined);
  // A server may refuse so soon that nobody sees it connected.
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined);
  return socket;
}

/** Sends the text (Latin-1) and resolves with all that comes until the server closes. */
export async function sendRaw(to: number | string, text: string): Promise<string> {
  const socket = await openRaw(to);
  socket.write(text, 'latin1');
  return readAll(socket);
}

/** The same, each byte in a packet of its own as far as the kernel lets it. */
export async function sendBytewise(to: number | string, text: string): Promise<string> {
  const socket = await openRaw(to);
  socket.setNoDelay();
  const answer = readAll(socket);
  for (const byte of Buffer.from(text, 'latin1')) {
    if (!socket.writable) break;
    await new Promise((resolve) => socket.write(Buffer.of(byte), resolve));
  }
  return await answer;
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
