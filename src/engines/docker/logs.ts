import { MinkeError } from '../../errors/index.ts';
import { shortId, type Id } from '../../model/ids.ts';
import type { LogChunk, LogOptions } from '../engine.ts';
import type { InspectedContainer } from './api/types.ts';
import { keptSegments, segmentBytes } from './container-config.ts';
import { inspectContainer } from './containers.ts';
import type { Context } from './context.ts';
import type { Given, LiveOutput } from './live-output.ts';
import { readOutput, type RecordedOutput } from './output.ts';
import { containerName } from './places.ts';
import { readRecord } from './record.ts';

/** What an instance wrote, `live` where that is known as it comes; of a result no more than it may have. */
export async function* readLogs(
  context: Context,
  id: Id,
  options: LogOptions,
  live: LiveOutput | undefined,
): AsyncGenerator<LogChunk> {
  const { client, places } = context;
  const name = containerName(places, id);
  const found = await inspectContainer(context, name);
  if (found === undefined) return;
  const source = { client, name, hasTerminal: found.Config.Tty, ended: context.exits.ended(id) };
  const limit = resultLimitOf(found);
  if (options.isWhole === true && limit === undefined) await refuseCut(source, id);
  let left = limit ?? Number.POSITIVE_INFINITY;
  const isKnown = live !== undefined && live.bytes < surelyKept;
  for await (const chunk of isKnown ? readLive(context, source, options, live) : readOutput(source, options)) {
    if (chunk.stream === 'stderr' || chunk.bytes.length <= left) yield chunk;
    else if (left > 0) yield { ...chunk, bytes: chunk.bytes.subarray(0, left) };
    if (chunk.stream === 'stdout') left = Math.max(0, left - chunk.bytes.length);
  }
}

const resultLimitOf = ({ Config }: InspectedContainer): number | undefined =>
  readRecord(Config)?.summary.limits.resultBytes;

/** The engine does not tell what it has thrown away: it keeps everything until its last segment but one is full. */
const surelyKept = (keptSegments - 1) * segmentBytes;

/** What is recorded, until the reader comes up with what is written; from there on that. */
async function* readLive(
  context: Context,
  source: RecordedOutput,
  { follow = false, streams = ['stdout', 'stderr'], signal }: LogOptions,
  live: LiveOutput,
): AsyncGenerator<LogChunk> {
  const options = { follow, streams, ...(signal === undefined ? {} : { signal }) };
  const given: Given = { stdout: 0, stderr: 0 };
  while (signal?.aborted !== true) {
    if (live.covers(given, streams)) {
      for await (const chunk of live.read(given, options)) yield count(given, chunk);
      if (!follow) return;
      if (live.isOver && live.covers(given, streams)) break;
    } else if (live.bytes >= surelyKept) live.skip(given);
    else {
      for await (const chunk of readBeyond(source, options, given)) {
        yield count(given, chunk);
        if (follow && live.covers(given, streams)) break;
      }
      if (!live.covers(given, streams)) return;
    }
  }
  // The engine was restarted, and its containers live on (its `live-restore`).
  if ((await inspectContainer(context, source.name))?.State.Running === true) yield* readBeyond(source, options, given);
}

async function* readBeyond(source: RecordedOutput, options: LogOptions, given: Given): AsyncGenerator<LogChunk> {
  const unread = { ...given };
  for await (const chunk of readOutput(source, options)) {
    const known = Math.min(unread[chunk.stream], chunk.bytes.length);
    unread[chunk.stream] -= known;
    if (known < chunk.bytes.length) yield { ...chunk, bytes: chunk.bytes.subarray(known) };
  }
}

function count(given: Given, chunk: LogChunk): LogChunk {
  given[chunk.stream] += chunk.bytes.length;
  return chunk;
}

async function refuseCut(source: RecordedOutput, id: Id): Promise<void> {
  // Around each line or part of one.
  const frameBytes = 64;
  let kept = 0;
  for await (const { bytes } of readOutput(source, {})) kept += bytes.length + frameBytes * lineCount(bytes);
  if (kept >= surelyKept) throw new MinkeError('RESULT_TOO_LARGE', { name: shortId(id), limit: 'newest output' });
}

function lineCount(bytes: Buffer): number {
  let count = 1;
  for (const byte of bytes) if (byte === 0x0a) count += 1;
  return count;
}
