import type { NamedConnection } from '../engines/engine.ts';
import { MinkeError } from '../errors/index.ts';
import type { Admission } from './admission.ts';
import type { Capacity, Target } from './capacity.ts';
import { ClientGone } from './call.ts';
import type { HandlerParts } from './handler.ts';
import { splice } from './proxy/splice.ts';

interface JoinParts extends Pick<HandlerParts, 'clock' | 'log'> {
  readonly capacity: Capacity;
  readonly admission: Admission;
  /** Ends the connection. */
  readonly ending: AbortSignal;
}

/**
 * A container connected to a service by name while none was published: waits, within the service's time, until one is
 * ready, and then passes bytes, for a service need not speak HTTP. Never rejects; a connection without a peer is reset.
 */
export async function joinService(connection: NamedConnection, target: Target, parts: JoinParts): Promise<void> {
  const { socket, app, name, port } = connection;
  const { capacity, admission, log, ending } = parts;
  const waiting = new AbortController();
  const giveUp = (): void => waiting.abort(new ClientGone());
  socket.once('close', giveUp);
  socket.on('error', giveUp);
  try {
    const signal = AbortSignal.any([waiting.signal, ending]);
    expire(waiting, target, parts);
    const upstream = await admission.hold(target, () => capacity.connect({ ...target, port }, { signal }));
    try {
      await splice(socket, upstream.socket, ending);
    } finally {
      upstream.socket.destroy();
      upstream.release();
    }
  } catch (error) {
    socket.resetAndDestroy();
    if (!waiting.signal.aborted) log.warn('A connection by name found no service', { app, name, port, error });
  } finally {
    giveUp();
  }
}

function expire(waiting: AbortController, { name, timeoutMs }: Target, { clock }: JoinParts): void {
  if (timeoutMs === 0) return;
  clock.sleep(timeoutMs, waiting.signal).then(
    () => waiting.abort(new MinkeError('INSTANCE_START_TIMEOUT', { name, seconds: timeoutMs / 1000 })),
    () => undefined,
  );
}
