import type { LogChunk } from '../../sdk/runs.ts';
import type { Context } from '../command/context.ts';

/** To where it was written there; resolves when the reader here has taken it, so that what is long is not held in memory. */
export async function writeChunk(
  { out, err }: Context,
  { stream, data }: Pick<LogChunk, 'stream' | 'data'>,
): Promise<void> {
  const output = stream === 'stdout' ? out : err;
  output.write(data);
  await output.flushed();
}
