import { Readable } from 'node:stream';

/** One piece of a stream that carries two (Docker Engine API, "Attach to a container", Stream format). */
export type TakeFrame = (stream: 'stdout' | 'stderr', bytes: Buffer) => void;

const headBytes = 8;
const stderrMark = 2;

/** Takes chunks as they come, and gives whole frames. */
export function frameParser(take: TakeFrame): (chunk: Buffer) => void {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let wanted = headBytes;
  return (chunk) => {
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
  const parse = frameParser((name, bytes) => {
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
