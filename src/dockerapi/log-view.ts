import type { LogChunk } from '../engines/engine.ts';

export type Chunks = AsyncIterable<LogChunk>;

/** Chunks recorded in [sinceMs, untilMs]; what is recorded in order needs no reading beyond the end. */
export async function* within(chunks: Chunks, sinceMs: number, untilMs: number): Chunks {
  for await (const chunk of chunks) {
    if (chunk.at > untilMs) return;
    if (chunk.at >= sinceMs) yield chunk;
  }
}

/** How many lines begin in these chunks. */
export async function countLines(chunks: Chunks): Promise<number> {
  let count = 0;
  for await (const piece of pieces(chunks)) if (piece.beginsLine) count += 1;
  return count;
}

/** All but the first lines. A line that has not ended yet counts from its beginning. */
export async function* skipLines(chunks: Chunks, count: number): Chunks {
  let begun = 0;
  const isShown = { stdout: false, stderr: false };
  for await (const piece of pieces(chunks)) {
    if (piece.beginsLine) {
      begun += 1;
      isShown[piece.chunk.stream] = begun > count;
    }
    if (isShown[piece.chunk.stream]) yield piece.chunk;
  }
}

/** Each line with the time when it began, as `docker logs --timestamps` shows it. */
export async function* stampLines(chunks: Chunks): Chunks {
  for await (const { chunk, beginsLine } of pieces(chunks)) {
    if (!beginsLine) yield chunk;
    else yield { ...chunk, bytes: Buffer.concat([Buffer.from(`${nanoTime(chunk.at)} `), chunk.bytes]) };
  }
}

/** RFC 3339 with nanoseconds, as Docker writes times. */
export const nanoTime = (atMs: number): string => new Date(atMs).toISOString().replace('Z', '000000Z');

interface Piece {
  readonly chunk: LogChunk;
  readonly beginsLine: boolean;
}

const newline = 10;

/** Chunks cut after each end of line; the two streams have lines of their own. */
async function* pieces(chunks: Chunks): AsyncGenerator<Piece> {
  const isInLine = { stdout: false, stderr: false };
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.bytes.length;) {
      const end = chunk.bytes.indexOf(newline, from);
      const to = end < 0 ? chunk.bytes.length : end + 1;
      yield { chunk: { ...chunk, bytes: chunk.bytes.subarray(from, to) }, beginsLine: !isInLine[chunk.stream] };
      isInLine[chunk.stream] = end < 0;
      from = to;
    }
  }
}
