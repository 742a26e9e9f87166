import { EventEmitter, once } from 'node:events';
import type { Readable } from 'node:stream';
import type { Clock } from '../../observe/clock.ts';
import type { LogChunk, LogOptions } from '../engine.ts';

type Stream = LogChunk['stream'];

/** How many bytes of each stream somebody has been given. */
export type Given = Record<Stream, number>;

/**
 * What an instance writes, as it writes it: the Docker Engine records a line when that is whole, and whoever waits at a prompt
 * would not see it. Known from its first byte on; the last of it is kept.
 */
export interface LiveOutput {
  /** Of all streams since its start. */
  readonly bytes: number;
  /** No more comes: the instance has ended, or the engine. */
  readonly isOver: boolean;
  readonly over: Promise<void>;
  /** Streams whose last byte ends a line. */
  readonly ended: readonly Stream[];
  /** Whether all that comes after this is kept, or is still to come. */
  covers(given: Given, streams: readonly Stream[]): boolean;
  /** Takes to be given what is not kept any more. */
  skip(given: Given): void;
  /** From there on; where it is followed, until no more comes or the reader has fallen behind what is kept. */
  read(given: Given, options: LiveOptions): AsyncIterable<LogChunk>;
  close(): void;
}

type LiveOptions = Required<Pick<LogOptions, 'follow' | 'streams'>> & Pick<LogOptions, 'signal'>;

interface Piece extends LogChunk {
  /** What of its stream was written before it. */
  readonly from: number;
}

const mostKeptBytes = 256 * 1024;

export function keepLive(sources: Partial<Record<Stream, Readable>>, close: () => void, clock: Clock): LiveOutput {
  const kept: Piece[] = [];
  const [written, forgotten] = [
    { stdout: 0, stderr: 0 },
    { stdout: 0, stderr: 0 },
  ];
  const changes = new EventEmitter().setMaxListeners(0);
  const [over, ended] = [Promise.withResolvers<void>(), new Set<Stream>()];
  let [first, keptBytes, open] = [0, 0, 0];

  const add = (stream: Stream, bytes: Buffer): void => {
    kept.push({ stream, at: clock.now(), bytes, from: written[stream] });
    written[stream] += bytes.length;
    keptBytes += bytes.length;
    ended[bytes.at(-1) === 0x0a ? 'add' : 'delete'](stream);
    while (keptBytes > mostKeptBytes) {
      const oldest = kept.shift();
      if (oldest === undefined) break;
      forgotten[oldest.stream] = oldest.from + oldest.bytes.length;
      keptBytes -= oldest.bytes.length;
      first += 1;
    }
    changes.emit('change');
  };

  const closed = (): void => {
    open -= 1;
    if (open === 0) over.resolve();
    changes.emit('change');
  };

  for (const [stream, source] of Object.entries(sources) as [Stream, Readable][]) {
    open += 1;
    source.on('data', (bytes: Buffer) => add(stream, bytes));
    source.once('close', closed);
  }

  const read: LiveOutput['read'] = async function* (given, { follow, streams, signal }) {
    for (let next = first; next >= first;) {
      const piece = kept[next - first];
      if (piece !== undefined) {
        next += 1;
        const news = piece.bytes.subarray(Math.max(0, given[piece.stream] - piece.from));
        if (news.length > 0 && streams.includes(piece.stream))
          yield { stream: piece.stream, at: piece.at, bytes: news };
      } else {
        if (!follow || open === 0 || signal?.aborted === true) return;
        await once(changes, 'change', signal === undefined ? {} : { signal }).catch(() => undefined);
      }
    }
  };

  return {
    get bytes() {
      return written.stdout + written.stderr;
    },
    get isOver() {
      return open === 0;
    },
    over: over.promise,
    get ended() {
      return [...ended];
    },
    covers: (given, streams) => streams.every((stream) => given[stream] >= forgotten[stream]),
    skip: (given) => {
      for (const stream of ['stdout', 'stderr'] as const) given[stream] = Math.max(given[stream], forgotten[stream]);
    },
    read,
    close,
  };
}
