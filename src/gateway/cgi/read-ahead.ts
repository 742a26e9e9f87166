import type { Readable } from 'node:stream';

export interface Ahead {
  readonly seen: Buffer;
  /** The stream has nothing more. */
  readonly isEnded: boolean;
}

/**
 * Takes bytes off the stream until `isEnough` or its end; what comes later stays in it, to be piped. An error of the
 * stream counts as its end: who stopped it knows why.
 */
export async function readAhead(stream: Readable, isEnough: (seen: Buffer) => boolean): Promise<Ahead> {
  let seen: Buffer = Buffer.alloc(0);
  while (!isEnough(seen)) {
    const chunk = stream.read() as Buffer | null;
    if (chunk !== null) seen = Buffer.concat([seen, chunk]);
    else if (stream.readableEnded || stream.destroyed) return { seen, isEnded: true };
    else await nextEvent(stream);
  }
  return { seen, isEnded: stream.readableEnded };
}

function nextEvent(stream: Readable): Promise<void> {
  const events = ['readable', 'end', 'close', 'error'];
  return new Promise((resolve) => {
    const wake = (): void => {
      for (const event of events) stream.off(event, wake);
      resolve();
    };
    for (const event of events) stream.on(event, wake);
  });
}
