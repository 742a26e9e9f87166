import { MinkeError } from '../errors/index.ts';
import type { LogChunk, LogOptions } from '../engines/engine.ts';
import { pump } from './answer.ts';
import { flag, goneSignal, isRunning, namedContainer, type Call, type Desk } from './call.ts';
import type { Container } from './containers.ts';
import { encodeChunk, streamType } from './frames.ts';
import { countLines, skipLines, stampLines, within, type Chunks } from './log-view.ts';

export async function containerLogs(desk: Desk, call: Call): Promise<void> {
  const streams = (['stdout', 'stderr'] as const).filter((stream) => flag(call, stream));
  if (streams.length === 0)
    throw new MinkeError('BAD_REQUEST', { reason: 'at least one of "stdout" and "stderr" must be asked for' });
  const range = readRange(call);
  const container = await namedContainer(desk, call, { withGone: true });
  const isRaw = container.run.options.tty === true;
  const follow = flag(call, 'follow') && isRunning(container);
  const watch =
    follow && call.caller.door === 'function'
      ? desk.foreground.watch(call.caller.instance, container.run.id)
      : () => undefined;
  try {
    call.response.writeHead(200, { 'Content-Type': streamType(isRaw, call.target.version) });
    call.response.flushHeaders();
    const options: LogOptions = { follow, streams, signal: goneSignal(desk, call.response) };
    const chunks = await view(desk, container, options, range);
    await pump(encoded(flag(call, 'timestamps') ? stampLines(chunks) : chunks, isRaw), call.response);
    call.response.end();
  } finally {
    watch();
  }
}

interface Range {
  readonly sinceMs: number;
  readonly untilMs: number;
  /** Lines from the end; undefined = all. */
  readonly tail: number | undefined;
}

function readRange(call: Call): Range {
  const tail = call.target.query.get('tail') ?? 'all';
  return {
    sinceMs: readTime(call, 'since') ?? 0,
    // Docker sends "0" for "not given".
    untilMs: readTime(call, 'until') || Infinity,
    // Whatever is not a number means all, as it does for Docker.
    tail: /^\d{1,15}$/.test(tail) ? Number(tail) : undefined,
  };
}

/**
 * Unix seconds with a fraction, or a date.
 *
 * @throws BAD_REQUEST
 */
export function readTime({ target }: Pick<Call, 'target'>, name: string): number | undefined {
  const text = target.query.get(name) ?? '';
  if (text === '') return undefined;
  const atMs = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(atMs)) throw new MinkeError('BAD_REQUEST', { reason: `"${name}" is "${text}" and not a time` });
  return atMs;
}

async function view(
  { containers }: Desk,
  { run, isStarted }: Container,
  options: LogOptions,
  range: Range,
): Promise<Chunks> {
  if (!isStarted) return none();
  const read = (more: LogOptions): Chunks =>
    within(containers.logs(run.id, { ...options, ...more }), range.sinceMs, range.untilMs);
  if (range.tail === undefined) return read({});
  // Counted first and skipped after: what is printed in between is shown on top and never lost.
  const count = await countLines(read({ follow: false }));
  return skipLines(read({}), count - range.tail);
}

async function* encoded(chunks: Chunks, isRaw: boolean): AsyncIterable<Buffer> {
  for await (const chunk of chunks) yield encodeChunk(chunk, isRaw);
}

async function* none(): AsyncIterable<LogChunk> {
  // What was never started has printed nothing.
}
