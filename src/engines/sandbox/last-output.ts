import { Socket } from 'node:net';
import { readNow, type Pipe } from '../../linux/pipe.ts';

export interface LastOutput {
  /** Nothing is read after it; answers what is kept. May be asked again. */
  end(): Buffer;
}

/** The last of what comes through a pipe. What the command left running may hold the other end for long: its end is not waited for. */
export function readLast({ read }: Pick<Pipe, 'read'>, most: number): LastOutput {
  let kept = Buffer.alloc(0);
  const take = (bytes: Buffer): void => {
    kept = Buffer.concat([kept, bytes]);
    kept = kept.subarray(Math.max(0, kept.length - most));
  };
  const socket = new Socket({ fd: read, readable: true, writable: false });
  socket.on('data', take);
  return {
    end: () => {
      // Where the other end is closed it is too, by itself, and its number is the next one's to open something: a connection's.
      if (socket.destroyed) return kept;
      for (let bytes = readNow(read); bytes.length > 0; bytes = readNow(read)) take(bytes);
      socket.destroy();
      return kept;
    },
  };
}
