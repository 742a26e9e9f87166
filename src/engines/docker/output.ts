import type { IncomingMessage } from 'node:http';
import type { LogChunk, LogOptions } from '../engine.ts';
import { isRefusal, type DockerClient } from './api/client.ts';
import { frameParser } from './api/frames.ts';

/** What the engine has kept of a container's output, byte for byte; nothing where it has none. */
export async function* readOutput(
  client: DockerClient,
  name: string,
  { follow = false, streams = ['stdout', 'stderr'], signal }: LogOptions,
): AsyncGenerator<LogChunk> {
  if (signal?.aborted === true) return;
  const answer = await openLog(client, name, { follow, streams, ...(signal === undefined ? {} : { signal }) });
  if (answer === undefined) return;
  let ready: LogChunk[] = [];
  const parse = frameParser((stream, message) => {
    const chunk = chunkOf(stream, message);
    const last = ready.at(-1);
    if (last?.stream !== stream || last.at !== chunk.at) ready.push(chunk);
    else ready[ready.length - 1] = { ...last, bytes: Buffer.concat([last.bytes, chunk.bytes]) };
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
  { follow, streams, signal }: Required<Pick<LogOptions, 'follow' | 'streams'>> & Pick<LogOptions, 'signal'>,
): Promise<IncomingMessage | undefined> {
  const query = { timestamps: '1', ...Object.fromEntries(streams.map((stream) => [stream, '1'])) };
  try {
    return await client.open({
      method: 'GET',
      path: `/containers/${name}/logs`,
      query: follow ? { ...query, follow: '1' } : query,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (isRefusal(error, 404) || signal?.aborted === true) return undefined;
    throw error;
  }
}

/** One message, with its time before it: a line, or a part of one. */
function chunkOf(stream: LogChunk['stream'], message: Buffer): LogChunk {
  const space = message.indexOf(0x20);
  return { stream, at: Date.parse(message.toString('latin1', 0, space)), bytes: message.subarray(space + 1) };
}
