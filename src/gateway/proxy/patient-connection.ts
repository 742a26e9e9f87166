import { closeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { descriptorOf, duplicate, readArrived } from '../../linux/socket.ts';

export interface PatientConnection {
  readonly stream: Duplex;
  /** Leaves the socket as it is, for its next use. Idempotent. */
  detach(): void;
}

/**
 * A connection for a request with a body. An instance may answer without reading all of it and close, which resets the
 * connection; Node gives up a socket at the first write that fails, and with it an answer that has arrived by then. Here
 * writes never fail, and all that has arrived is read before the end is told.
 */
export function openPatientConnection(socket: Socket): PatientConnection {
  const copy = copyOf(socket);
  let isDetached = false;

  const take = (chunk: Buffer): void => {
    if (!stream.push(chunk)) socket.pause();
  };
  const end = (): void => void stream.push(null);
  const takeRest = (): void => {
    if (copy !== undefined) for (const chunk of readArrived(copy)) stream.push(chunk);
    detach();
    if (!stream.readableEnded) stream.push(null);
  };
  const detach = (): void => {
    if (isDetached) return;
    isDetached = true;
    socket.off('data', take).off('end', end).off('close', takeRest).off('error', beDeaf).resume();
    if (copy !== undefined) closeSync(copy);
  };

  const stream: Duplex = new Duplex({
    read: () => void socket.resume(),
    write: (chunk: Buffer, encoding, done) => void socket.write(chunk, encoding, () => done()),
    writev: (chunks, done) => {
      socket.cork();
      for (const [at, { chunk, encoding }] of chunks.entries())
        socket.write(chunk as Buffer, encoding, at === chunks.length - 1 ? () => done() : undefined);
      socket.uncork();
    },
    destroy: (error, done) => {
      detach();
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', take).once('end', end).once('close', takeRest).on('error', beDeaf);
  return { stream, detach };
}

/** It is followed by the socket's close. */
const beDeaf = (): void => undefined;

/** None where the socket has just been closed. */
function copyOf(socket: Socket): number | undefined {
  const fd = descriptorOf(socket);
  return fd === undefined || fd < 0 ? undefined : duplicate(fd);
}
