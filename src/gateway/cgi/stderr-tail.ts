import type { Readable } from 'node:stream';

/** Reads the stream to its end, so that the writer never blocks, and keeps the last `limitBytes`. */
export function keepTail(stream: Readable, limitBytes: number): () => string {
  let tail: Buffer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-limitBytes);
  });
  stream.on('error', () => undefined);
  return () => tail.toString('utf8');
}
