import type { Readable } from 'node:stream';

/** A whole small body, or undefined when it is longer than `limitBytes`: then the rest of it is never fetched. */
export async function readAtMost(body: Readable, limitBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
