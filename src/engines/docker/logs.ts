import { MinkeError } from '../../errors/index.ts';
import { shortId, type Id } from '../../model/ids.ts';
import type { LogChunk, LogOptions } from '../engine.ts';
import type { DockerClient } from './api/client.ts';
import type { InspectedContainer } from './api/types.ts';
import { keptSegments, segmentBytes } from './container-config.ts';
import { inspectContainer } from './containers.ts';
import type { Context } from './context.ts';
import { readOutput } from './output.ts';
import { containerName } from './places.ts';
import { readRecord } from './record.ts';

/** What an instance wrote; of a result no more than it may have. */
export async function* readLogs(context: Context, id: Id, options: LogOptions): AsyncGenerator<LogChunk> {
  const { client, places } = context;
  const name = containerName(places, id);
  const found = await inspectContainer(context, name);
  if (found === undefined) return;
  const limit = resultLimitOf(found);
  if (options.isWhole === true && limit === undefined) await refuseCut(client, name, id);
  let left = limit ?? Number.POSITIVE_INFINITY;
  for await (const chunk of readOutput(client, name, options)) {
    if (chunk.stream === 'stderr' || chunk.bytes.length <= left) yield chunk;
    else if (left > 0) yield { ...chunk, bytes: chunk.bytes.subarray(0, left) };
    if (chunk.stream === 'stdout') left = Math.max(0, left - chunk.bytes.length);
  }
}

const resultLimitOf = ({ Config }: InspectedContainer): number | undefined =>
  readRecord(Config)?.summary.limits.resultBytes;

/** The engine does not tell what it has thrown away: it keeps everything until its last segment but one is full. */
async function refuseCut(client: DockerClient, name: string, id: Id): Promise<void> {
  const surelyKept = (keptSegments - 1) * segmentBytes;
  // Around each line or part of one.
  const frameBytes = 64;
  let kept = 0;
  for await (const { bytes } of readOutput(client, name, {})) kept += bytes.length + frameBytes * lineCount(bytes);
  if (kept >= surelyKept) throw new MinkeError('RESULT_TOO_LARGE', { name: shortId(id), limit: 'newest output' });
}

function lineCount(bytes: Buffer): number {
  let count = 1;
  for (const byte of bytes) if (byte === 0x0a) count += 1;
  return count;
}
