import { containerName } from './places.ts';
import { signalContainer } from './containers.ts';
import type { Context } from './context.ts';
import { readOutput, type RecordedOutput } from './output.ts';
import type { InstanceRecord } from './record.ts';

/** The stdout of an instance that is a result, and must not become larger than it may. */
export interface Result {
  /** Asked once it has ended. */
  isTooLarge(): Promise<boolean>;
}

/** Ends an instance that writes more than is kept; undefined where its stdout is a log. */
export function watchResult(
  context: Context,
  { summary, streams }: InstanceRecord,
  hasTerminal: boolean,
): Result | undefined {
  const limit = summary.limits.resultBytes;
  if (limit === undefined || streams === 'pipes') return undefined;
  const name = containerName(context.places, summary.id);
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, context.closing.signal]);
  const kill = 9;
  const watching = isBeyond(context, { name, hasTerminal }, limit, { follow: true, signal }).then(
    async (isFull) => isFull && (await signalContainer(context, name, kill).then(() => true)),
    () => false,
  );
  return {
    isTooLarge: async () => {
      over.abort();
      return (await watching) || (await isBeyond(context, { name, hasTerminal }, limit, {}));
    },
  };
}

async function isBeyond(
  { client }: Context,
  { name, hasTerminal }: Pick<RecordedOutput, 'name' | 'hasTerminal'>,
  limit: number,
  options: { readonly follow?: boolean; readonly signal?: AbortSignal },
): Promise<boolean> {
  let bytes = 0;
  for await (const chunk of readOutput({ client, name, hasTerminal }, { ...options, streams: ['stdout'] })) {
    bytes += chunk.bytes.length;
    if (bytes > limit) return true;
  }
  return false;
}
