import type { Socket } from 'node:net';
import type { Id } from '../../model/ids.ts';

/** Connections to instances that are open and between two messages, for the next request. */
export interface Upstreams {
  /** A new connection to this instance: from now on an error on it is nobody's surprise. */
  watch(instance: Id, socket: Socket): Socket;
  /** The one used last, watched; undefined when there is none. */
  take(instance: Id): Socket | undefined;
  /** Keeps a watched one, or closes it where enough are kept. */
  give(instance: Id, socket: Socket): void;
  /** The instance is gone, or gets no more requests. */
  closeAll(instance: Id): void;
}

/**
 * A server closes connections that nobody uses, and a request that is sent at that moment is lost. Servers wait 2 s at the least
 * (most wait 5 s and more), so a connection that has been idle for less than this is safe to use.
 */
const keptMs = 1000;
const keptOfEach = 64;

export function createUpstreams(): Upstreams {
  const idle = new Map<Id, Set<Socket>>();

  const drop = (instance: Id, socket: Socket): void => {
    const ofInstance = idle.get(instance);
    ofInstance?.delete(socket);
    if (ofInstance?.size === 0) idle.delete(instance);
  };

  return {
    watch: (instance, socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('close', () => drop(instance, socket));
      return socket;
    },
    take: (instance) => {
      for (const socket of [...(idle.get(instance) ?? [])].toReversed()) {
        drop(instance, socket);
        rouse(socket);
        if (isUsable(socket)) return socket;
        socket.destroy();
      }
      return undefined;
    },
    give: (instance, socket) => {
      const ofInstance = idle.get(instance) ?? new Set<Socket>();
      if (ofInstance.size >= keptOfEach || !isUsable(socket)) {
        socket.destroy();
        return;
      }
      idle.set(instance, ofInstance.add(socket));
      rest(socket);
    },
    closeAll: (instance) => {
      for (const socket of idle.get(instance) ?? []) socket.destroy();
      idle.delete(instance);
    },
  };
}

function end(this: Socket): void {
  this.destroy();
}

/** Whatever an instance says on its own is its farewell. */
function rest(socket: Socket): void {
  socket.on('end', end).on('data', end).setTimeout(keptMs, end);
}

function rouse(socket: Socket): void {
  socket.off('end', end).off('data', end).setTimeout(0, end);
}

const isUsable = (socket: Socket): boolean => socket.readable && socket.writable && socket.readableLength === 0;
