import type { Socket } from 'node:net';
import { MinkeError } from '../errors/index.ts';
import { descriptorOf, unacknowledgedBytes } from '../linux/socket.ts';
import type { Clock } from '../observe/clock.ts';
import { isHeldBack, type Call } from './call.ts';
import type { Connections } from './connections.ts';
import type { GatewayLimits } from './limits.ts';

interface Look {
  /** What moves when the client does. */
  readonly mark: string;
  readonly at: number;
}

/**
 * Ends calls whose clients stand still: they send nothing of a body that the function would take, or their machine takes nothing
 * of an answer that is there for it. Any byte counts, so a client may be as slow as it likes. Runs until `ending`.
 */
export async function watchStalls(
  connections: Pick<Connections, 'busy'>,
  limits: Pick<GatewayLimits, 'stallMs' | 'checkIntervalMs'>,
  clock: Clock,
  ending: AbortSignal,
): Promise<void> {
  const looks = new WeakMap<Call, Look>();
  while (!ending.aborted) {
    for (const [socket, call] of connections.busy()) look(socket, call);
    await clock.sleep(limits.checkIntervalMs, ending).catch(() => undefined);
  }

  function look(socket: Socket, call: Call): void {
    const mark = markOf(socket, call);
    const before = looks.get(call);
    if (mark === undefined) looks.delete(call);
    else if (mark !== before?.mark) looks.set(call, { mark, at: clock.elapsed() });
    else if (clock.elapsed() - before.at >= limits.stallMs)
      call.abort(new MinkeError('CLIENT_STALLED', { seconds: limits.stallMs / 1000 }));
  }
}

/** Undefined = the client is not waited for. */
function markOf(socket: Socket, call: Call): string | undefined {
  if (call.upgrade !== undefined) return undefined;
  // Paused, it is the function that takes nothing.
  const owesBody = !call.request.complete && !socket.isPaused() && !isHeldBack(call);
  const queued = queuedBytes(socket);
  if (!owesBody && queued === 0 && socket.writableLength === 0) return undefined;
  return `${socket.bytesRead} ${socket.bytesWritten - socket.writableLength} ${queued}`;
}

function queuedBytes(socket: Socket): number {
  const fd = descriptorOf(socket);
  return fd === undefined || fd < 0 ? 0 : unacknowledgedBytes(fd);
}
