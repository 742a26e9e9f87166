import { PassThrough, Readable } from 'node:stream';

/** One piece of a stream that carries two (Docker Engine API, "Attach to a container", Stream format). */
export type TakeFrame = (stream: 'stdout' | 'stderr', bytes: Buffer) => void;

const headBytes = 8;
const stderrMark = 2;

/** Takes chunks as they come. `end`: no more do. */
export interface OutputParser {
  parse(chunk: Buffer): void;
  end(): void;
}

/** Gives whole frames; half a one at the end is none. */
export function frameParser(take: TakeFrame): OutputParser {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let wanted = headBytes;
  const parse = (chunk: Buffer): void => {
    held.push(chunk);
    heldBytes += chunk.length;
    if (heldBytes < wanted) return;
    let rest = held.length === 1 ? chunk : Buffer.concat(held);
    for (wanted = headBytes; rest.length >= wanted;) {
      wanted = headBytes + rest.readUInt32BE(4);
      if (rest.length < wanted) break;
      take(rest[0] === stderrMark ? 'stderr' : 'stdout', rest.subarray(headBytes, wanted));
      rest = rest.subarray(wanted);
      wanted = headBytes;
    }
    [held, heldBytes] = [[rest], rest.length];
  };
  return { parse, end: () => undefined };
}

/** As the engine records: a line, or as much of a longer one as fills its buffer. */
export const longestMessageBytes = 16 * 1024;
/** RFC 3339 with nine places, and a blank. */
const timeBytes = '2006-01-02T15:04:05.000000000Z '.length;

/** Gives messages of the log of a terminal, which come with their times and without frames. */
export function terminalParser(take: TakeFrame): OutputParser {
  let held = Buffer.alloc(0);
  let wasFull = false;
  const parse = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk]);
    for (let size = messageSize(held, wasFull); size !== undefined; size = messageSize(held, wasFull)) {
      const message = held.subarray(0, size);
      take('stdout', message);
      wasFull = size === timeBytes + longestMessageBytes && message.at(-1) !== 0x0a;
      held = held.subarray(size);
    }
  };
  const end = (): void => {
    if (held.length >= timeBytes) take('stdout', held);
  };
  return { parse, end };
}

const timePattern = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z /;

/** After one that filled the buffer the next may be without the end of its line, and then only the time of another follows. */
function messageSize(held: Buffer, wasFull: boolean): number | undefined {
  const most = timeBytes + longestMessageBytes;
  const lineEnd = held.subarray(0, most).indexOf(0x0a, timeBytes);
  const next = wasFull ? held.toString('latin1', timeBytes, lineEnd < 0 ? most : lineEnd).search(timePattern) : -1;
  if (next >= 0) return timeBytes + next;
  if (lineEnd >= 0) return lineEnd + 1;
  return held.length >= most ? most : undefined;
}

/**
 * Both streams apart. What nobody takes stays in memory up to a mebibyte each; beyond that nothing is read of either, and the
 * container waits.
 */
export function splitStreams(source: Readable): { readonly stdout: Readable; readonly stderr: Readable } {
  const full = new Set<Readable>();
  const openStream = (): Readable => {
    const stream: Readable = new Readable({
      highWaterMark: 2 ** 20,
      read: () => {
        full.delete(stream);
        if (full.size === 0) source.resume();
      },
    });
    return stream;
  };
  const streams = { stdout: openStream(), stderr: openStream() };
  const { parse } = frameParser((name, bytes) => {
    // Whoever destroyed one wants no more of it, and the other goes on.
    if (streams[name].destroyed || streams[name].push(bytes)) return;
    full.add(streams[name]);
    source.pause();
  });
  source.on('data', parse);
  source.once('close', () => Object.values(streams).forEach((stream) => stream.push(null)));
  source.once('end', () => Object.values(streams).forEach((stream) => stream.push(null)));
  for (const stream of Object.values(streams)) {
    stream.once('close', () => {
      full.delete(stream);
      if (full.size === 0) source.resume();
    });
  }
  return streams;
}

/** Of a terminal, which has one stream. It can be left without an end of what is written to it. */
export function rawStream(source: Readable): Readable {
  const stream = new PassThrough({ highWaterMark: 2 ** 20 });
  source.pipe(stream);
  source.once('close', () => stream.end());
  return stream;
}
