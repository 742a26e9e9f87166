import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { answerBare } from '../../gateway/answer.ts';
import { refuseHead } from '../../gateway/server.ts';
import { http } from '../../linux/node-http.ts';
import { MinkeError } from '../../errors/index.ts';
import type { FunctionCaller } from '../../dockerapi/containers.ts';
import { shortId, type Id } from '../../model/ids.ts';
import type { InstanceMount } from '../../model/instance.ts';

/**
 * The sockets that instances find at /run/minke. Each instance has a listener of its own: who calls is known by the socket,
 * so that no secret has to lie in its environment, and the right ends with the instance.
 */
export interface Doors {
  /** Resolves when it answers. Opened again after a restart of the daemon, the instance's mount shows the new socket. */
  open(caller: Omit<FunctionCaller, 'door'>): Promise<InstanceMount>;
  /** Ends its connections too. Idempotent. */
  close(instance: Id): void;
  closeAll(): void;
}

export interface DoorHandler {
  handle(request: IncomingMessage, response: ServerResponse, caller: FunctionCaller): void;
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer, caller: FunctionCaller): void;
  wantsUpgrade(request: IncomingMessage): boolean;
}

/** More than any caller needs at once: a foreground child takes three. The next one is told so and closed. */
const connectionsPerDoor = 256;
/** From the first byte of a request to the end of its head. */
const headTimeoutMs = 10_000;

interface Door {
  readonly server: Server;
  readonly sockets: Set<Socket>;
  readonly folder: string;
}

function refuseConnection(socket: Socket, name: string): void {
  socket.on('error', () => socket.destroy());
  answerBare(socket, new MinkeError('TOO_MANY_CONNECTIONS', { name, limit: connectionsPerDoor }));
  socket.destroySoon();
}

export function createDoors(folder: string, handler: DoorHandler): Doors {
  const doors = new Map<Id, Door>();
  const callers = new WeakMap<Socket, FunctionCaller>();
  const withCaller = (socket: Socket, then: (caller: FunctionCaller) => void): void => {
    const caller = callers.get(socket);
    if (caller === undefined) socket.destroy();
    else then(caller);
  };
  // One HTTP server serves the connections of all doors; it never listens itself.
  const shared = http.createServer(
    {
      shouldUpgradeCallback: (request) => handler.wantsUpgrade(request),
      headersTimeout: headTimeoutMs,
      requestTimeout: 0,
      connectionsCheckingInterval: headTimeoutMs / 2,
    },
    (request, response) => withCaller(request.socket, (caller) => handler.handle(request, response, caller)),
  );
  // Node looks for heads that do not come only from the moment on at which a server says that it listens.
  shared.emit('listening');
  shared.on('clientError', (error, socket) => {
    if (socket.writable) refuseHead(error, socket as Socket);
    else socket.destroy();
  });
  shared.on('upgrade', (request, socket: Socket, head) =>
    withCaller(socket, (caller) => handler.upgrade(request, socket, head, caller)),
  );

  const close = (instance: Id): void => {
    const door = doors.get(instance);
    doors.delete(instance);
    if (door === undefined) return;
    door.server.close();
    for (const socket of door.sockets) socket.destroy();
    rmSync(door.folder, { recursive: true, force: true });
  };

  return {
    open: async (caller) => {
      const own = join(folder, shortId(caller.instance));
      const path = join(own, 'minke.sock');
      const sockets = new Set<Socket>();
      mkdirSync(own, { recursive: true });
      rmSync(path, { force: true });
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        if (sockets.size > connectionsPerDoor) {
          refuseConnection(socket, caller.name);
          return;
        }
        callers.set(socket, { door: 'function', ...caller });
        shared.emit('connection', socket);
      });
      server.listen(path);
      await once(server, 'listening');
      // Whatever user the container runs as: only this container sees the folder.
      chmodSync(path, 0o666);
      doors.set(caller.instance, { server, sockets, folder: own });
      return { type: 'bind', source: own, target: '/run/minke', readOnly: true };
    },
    close,
    closeAll: () => {
      for (const { server, sockets } of doors.values()) {
        server.close();
        for (const socket of sockets) socket.destroy();
      }
      doors.clear();
    },
  };
}
