import type { IncomingMessage } from 'node:http';
import type { LogChunk, LogOptions } from '../engine.ts';
import { isRefusal, type DockerClient } from './api/client.ts';
import { frameParser, longestMessageBytes, terminalParser } from './api/frames.ts';

export interface RecordedOutput {
  readonly client: DockerClient;
  /** Of the container. */
  readonly name: string;
  /** Then the engine gives no frames. */
  readonly hasTerminal: boolean;
  /** Of one that has ended, the streams whose last line has an end. The engine forgets it of a long line. */
  readonly ended?: readonly LogChunk['stream'][];
}

/**
 * What the engine has kept of a container's output, byte for byte; nothing where it has none. Whoever follows may be cut off some
 * messages before the end (Docker 20.10 does it where they are long), so what is there is read once more after that.
 */
export async function* readOutput(source: RecordedOutput, options: LogOptions): AsyncGenerator<LogChunk> {
  const given = createPosition();
  if (options.follow === true) yield* readOnce(source, options, given);
  yield* readOnce(source, { ...options, follow: false }, given);
  if (isAborted(options.signal)) return;
  for (const stream of source.ended ?? []) {
    const at = given.openSince(stream);
    if (at !== undefined && options.streams?.includes(stream) !== false) yield { stream, at, bytes: lineEnd };
  }
}

const lineEnd = Buffer.from('\n');

async function* readOnce(source: RecordedOutput, options: LogOptions, given: Position): AsyncGenerator<LogChunk> {
  const { signal } = options;
  if (isAborted(signal)) return;
  const answer = await openLog(source, options, given.since());
  if (answer === undefined) return;
  let ready: LogChunk[] = [];
  const { parse, end } = (source.hasTerminal ? terminalParser : frameParser)((stream, message) => {
    const space = message.indexOf(0x20);
    const time = message.toString('latin1', 0, space);
    if (!given.isNews(stream, time)) return;
    const [at, bytes] = [Date.parse(time), message.subarray(space + 1)];
    if (given.openSince(stream) !== undefined) append(ready, { stream, at, bytes: lineEnd });
    given.took(stream, at, bytes);
    append(ready, { stream, at, bytes });
  });
  try {
    for await (const bytes of answer) {
      parse(bytes as Buffer);
      const next = ready;
      ready = [];
      yield* next;
    }
    end();
    yield* ready;
  } catch (error) {
    if (!isAborted(signal)) throw error;
  } finally {
    answer.destroy();
  }
}

const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;

async function openLog(
  { client, name }: RecordedOutput,
  { follow = false, streams = ['stdout', 'stderr'], signal }: LogOptions,
  since: string,
): Promise<IncomingMessage | undefined> {
  const query = { timestamps: '1', since, ...Object.fromEntries(streams.map((stream) => [stream, '1'])) };
  try {
    return await client.open({
      method: 'GET',
      path: `/containers/${name}/logs`,
      query: follow ? { ...query, follow: '1' } : query,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (isRefusal(error, 404) || isAborted(signal)) return undefined;
    throw error;
  }
}

/**
 * Up to which message each stream has been given, and whether that ended a line. A line that is longer than a message is recorded
 * in parts (Docker 20.10 forgets its end): full ones, and a last one that is not full, or empty.
 */
interface Position {
  /** For the engine: the second from which on there may be news; `0` = from the beginning. */
  since(): string;
  /** Asked once of each message in turn, and again when they are read again. */
  isNews(stream: LogChunk['stream'], time: string): boolean;
  took(stream: LogChunk['stream'], at: number, bytes: Buffer): void;
  /** When the last part of a long line was recorded without its end, which another message has to follow. */
  openSince(stream: LogChunk['stream']): number | undefined;
}

/** The times of a stream never go back; parts of one line share theirs. They are of one length, so that text is in their order. */
function createPosition(): Position {
  const last = { stdout: { time: '', count: 0 }, stderr: { time: '', count: 0 } };
  let seen = { stdout: 0, stderr: 0 };
  const inLong = { stdout: false, stderr: false };
  const open: { stdout?: number; stderr?: number } = {};
  return {
    took: (stream, at, bytes) => {
      const isWhole = bytes.at(-1) === 0x0a;
      const isFull = !isWhole && bytes.length === longestMessageBytes;
      if (inLong[stream] && !isWhole && !isFull) open[stream] = at;
      else delete open[stream];
      inLong[stream] = isFull;
    },
    openSince: (stream) => open[stream],
    since: () => {
      seen = { stdout: 0, stderr: 0 };
      // Two streams are told apart by time only nearly: the engine takes it before it writes.
      const leewayMs = 10_000;
      const times = Object.values(last).flatMap(({ time }) => (time === '' ? [] : [Date.parse(time)]));
      return String(times.length === 0 ? 0 : Math.floor((Math.min(...times) - leewayMs) / 1000));
    },
    isNews: (stream, time) => {
      const known = last[stream];
      if (time < known.time) return false;
      if (time > known.time) {
        last[stream] = { time, count: 1 };
        seen[stream] = 1;
        return true;
      }
      seen[stream] += 1;
      if (seen[stream] <= known.count) return false;
      last[stream] = { time, count: seen[stream] };
      return true;
    },
  };
}

function append(chunks: LogChunk[], chunk: LogChunk): void {
  const last = chunks.at(-1);
  if (last?.stream !== chunk.stream || last.at !== chunk.at) chunks.push(chunk);
  else chunks[chunks.length - 1] = { ...last, bytes: Buffer.concat([last.bytes, chunk.bytes]) };
}
