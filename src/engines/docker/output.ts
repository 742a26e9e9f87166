import type { IncomingMessage } from 'node:http';
import type { LogChunk, LogOptions } from '../engine.ts';
import { isRefusal, type DockerClient } from './api/client.ts';
import { frameParser } from './api/frames.ts';

/**
 * What the engine has kept of a container's output, byte for byte; nothing where it has none. Whoever follows may be cut off some
 * messages before the end (Docker 20.10 does it where they are long), so what is there is read once more after that.
 */
export async function* readOutput(client: DockerClient, name: string, options: LogOptions): AsyncGenerator<LogChunk> {
  const given = createPosition();
  if (options.follow === true) yield* readOnce(client, name, options, given);
  yield* readOnce(client, name, { ...options, follow: false }, given);
}

async function* readOnce(
  client: DockerClient,
  name: string,
  options: LogOptions,
  given: Position,
): AsyncGenerator<LogChunk> {
  const { signal } = options;
  if (isAborted(signal)) return;
  const answer = await openLog(client, name, options, given.since());
  if (answer === undefined) return;
  let ready: LogChunk[] = [];
  const parse = frameParser((stream, message) => {
    const space = message.indexOf(0x20);
    const time = message.toString('latin1', 0, space);
    if (given.isNews(stream, time)) append(ready, { stream, at: Date.parse(time), bytes: message.subarray(space + 1) });
  });
  try {
    for await (const bytes of answer) {
      parse(bytes as Buffer);
      const next = ready;
      ready = [];
      yield* next;
    }
  } catch (error) {
    if (!isAborted(signal)) throw error;
  } finally {
    answer.destroy();
  }
}

const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true;

async function openLog(
  client: DockerClient,
  name: string,
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

/** Up to which message each stream has been given. */
interface Position {
  /** For the engine: the second from which on there may be news; `0` = from the beginning. */
  since(): string;
  /** Asked once of each message in turn, and again when they are read again. */
  isNews(stream: LogChunk['stream'], time: string): boolean;
}

/** The times of a stream never go back; parts of one line share theirs. They are of one length, so that text is in their order. */
function createPosition(): Position {
  const last = { stdout: { time: '', count: 0 }, stderr: { time: '', count: 0 } };
  let seen = { stdout: 0, stderr: 0 };
  return {
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
