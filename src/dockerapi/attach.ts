import { MinkeError } from '../errors/index.ts';
import type { LogChunk } from '../engines/engine.ts';
import { pump, write } from './answer.ts';
import { flag, isAlive, namedContainer, type Call, type Desk } from './call.ts';
import type { Container } from './containers.ts';
import { encodeChunk, streamType } from './frames.ts';
import type { HijackedConnection } from './hijack.ts';

/**
 * Joins the client to a container's streams. Clients attach *before* they start, so that no byte is missed. A half-close is
 * the end of the input and nothing more: the CLI sends it at once where it has none to give.
 */
export async function attach(desk: Desk, call: Call): Promise<void> {
  const container = await namedContainer(desk, call);
  if (container.isRestarting === true)
    throw new MinkeError('CONFLICT', {
      reason: 'You cannot attach to a restarting container, wait until the container is running',
    });
  if (wantsInput(call, container) && !call.hijack.hasInput) {
    const reason = 'send "Upgrade: tcp", which dockerode does with hijack: true';
    throw new MinkeError('NOT_SUPPORTED', { what: 'Input on a connection that is not taken over', reason });
  }
  const isRaw = container.run.options.tty === true;
  const watch =
    call.caller.door === 'function' ? desk.foreground.watch(call.caller.instance, container.run.id) : () => undefined;
  try {
    const connection = call.hijack.take(streamType(isRaw, call.target.version));
    await join(desk, call, container, connection);
  } finally {
    watch();
  }
}

async function join(desk: Desk, call: Call, container: Container, connection: HijackedConnection): Promise<void> {
  connection.output.on('error', () => undefined);
  const ended = new AbortController();
  feed(desk, call, container, connection, ended.signal).catch((error: unknown) =>
    desk.log.debug('The input of an attach broke off', { error }),
  );
  const signal = AbortSignal.any([connection.gone, desk.closing]);
  try {
    await pump(output(desk, call, container, signal), connection.output);
  } catch (error) {
    desk.log.debug('An attach broke off', { error });
  } finally {
    ended.abort();
    connection.end();
  }
}

/** What the container prints in this life, or in the next: all of that, else from now on, or with `logs` from its start. */
async function* output(desk: Desk, call: Call, container: Container, signal: AbortSignal): AsyncIterable<Buffer> {
  const streams = (['stdout', 'stderr'] as const).filter((stream) => flag(call, stream));
  const follow = flag(call, 'stream');
  if (streams.length === 0) {
    if (follow) await desk.containers.settled(container.run.id, signal, { isNext: true });
    return;
  }
  if (!follow && !flag(call, 'logs')) return;
  const fromMs = flag(call, 'logs') || !isAlive(container) ? 0 : desk.clock.now();
  const isRaw = container.run.options.tty === true;
  const chunks: AsyncIterable<LogChunk> = desk.containers.logs(container.run.id, {
    follow,
    streams,
    signal,
    isOneLife: follow,
  });
  for await (const chunk of chunks) if (chunk.at >= fromMs) yield encodeChunk(chunk, isRaw);
}

/**
 * Reads the client to its end in every case, for no effect where it did not ask for stdin or the container has ended:
 * unread input would turn the client's clean end of file into a reset.
 */
async function feed(
  desk: Desk,
  call: Call,
  container: Container,
  connection: HijackedConnection,
  ended: AbortSignal,
): Promise<void> {
  const stdin = wantsInput(call, container) ? await desk.containers.input(container.run.id) : undefined;
  stdin?.on('error', () => undefined);
  for await (const bytes of connection.input)
    if (stdin !== undefined && !ended.aborted) await write(stdin, bytes, ended);
  if (container.run.options.stdinOnce === true) stdin?.end();
}

const wantsInput = (call: Call, { run }: Container): boolean =>
  flag(call, 'stdin') && flag(call, 'stream') && run.options.stdin === 'open';
