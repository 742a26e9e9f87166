import type { Socket } from 'node:net';
import { ClientGone, type Call } from './call.ts';

/** All open connections and what is under way on them. */
export interface Connections {
  /** False when this address has too many; the connection is destroyed. */
  add(socket: Socket, address: string): boolean;
  /**
   * Resolves when it is this call's turn: one connection has one call at a time, however many requests a client sends
   * ahead, so that none starts behind one that closes the connection. Undefined = at once.
   */
  begin(socket: Socket, call: Call): Promise<void> | undefined;
  end(socket: Socket, call: Call): void;
  /** Under way or waiting for their turn, oldest first. */
  callsOf(socket: Socket): readonly Call[];
  /** Every connection with a call under way, and that call. */
  busy(): Iterable<readonly [Socket, Call]>;
  /** Closes idle connections, and resolves when no call is left. */
  drained(): Promise<void>;
  abort(reason: Error): void;
  destroy(): void;
}

interface Lane {
  /** Call -> what tells the next one that it is over. */
  readonly calls: Map<Call, () => void>;
  last: Promise<void> | undefined;
}

export function createConnections(perAddress: number): Connections {
  const lanes = new Map<Socket, Lane>();
  const countOf = createCounter();
  let onIdle: (() => void) | undefined;

  const isIdle = (): boolean => [...lanes.values()].every(({ calls }) => calls.size === 0);
  const callsOf = (socket: Socket): readonly Call[] => [...(lanes.get(socket)?.calls.keys() ?? [])];

  return {
    callsOf,
    add: (socket, address) => {
      if (perAddress > 0 && countOf(address) >= perAddress) {
        socket.destroy();
        return false;
      }
      countOf(address, 1);
      lanes.set(socket, { calls: new Map(), last: undefined });
      socket.once('close', () => {
        countOf(address, -1);
        for (const call of callsOf(socket)) if (!call.response.writableFinished) call.abort(new ClientGone());
        lanes.delete(socket);
        if (isIdle()) onIdle?.();
      });
      return true;
    },
    begin: (socket, call) => {
      const lane = lanes.get(socket);
      // It is being closed, and only read away.
      if (!socket.writable) call.abort(new ClientGone());
      if (lane === undefined) return undefined;
      const turn = lane.calls.size === 0 ? undefined : lane.last;
      const { promise, resolve } = Promise.withResolvers<void>();
      lane.last = promise;
      lane.calls.set(call, resolve);
      return turn;
    },
    end: (socket, call) => {
      const lane = lanes.get(socket);
      const next = lane?.calls.get(call);
      lane?.calls.delete(call);
      // What was sent behind a call that closed the connection is never looked at.
      if (!socket.writable) for (const one of callsOf(socket)) one.abort(new ClientGone());
      next?.();
      if (onIdle === undefined) return;
      if (lane?.calls.size === 0) socket.destroySoon();
      if (isIdle()) onIdle();
    },
    busy: function* () {
      for (const [socket, { calls }] of lanes) {
        const [call] = calls.keys();
        if (call !== undefined) yield [socket, call] as const;
      }
    },
    drained: () => {
      for (const [socket, { calls }] of lanes) if (calls.size === 0) socket.destroySoon();
      return new Promise((resolve) => {
        onIdle = resolve;
        if (isIdle()) resolve();
      });
    },
    abort: (reason) => {
      for (const { calls } of lanes.values()) for (const call of calls.keys()) call.abort(reason);
    },
    destroy: () => {
      for (const socket of lanes.keys()) socket.destroy();
    },
  };
}

/** Answers how many there are, after the change. */
function createCounter(): (key: string, change?: number) => number {
  const counts = new Map<string, number>();
  return (key, change = 0) => {
    const next = (counts.get(key) ?? 0) + change;
    if (next === 0) counts.delete(key);
    else counts.set(key, next);
    return next;
  };
}
