import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { NamedConnection } from '../engines/engine.ts';
import { MinkeError } from '../errors/index.ts';
import type { Id } from '../model/ids.ts';
import type { Clock } from '../observe/clock.ts';
import type { Log } from '../observe/log.ts';
import { createAdmission, type Load } from './admission.ts';
import { callerOf } from './call.ts';
import type { Capacity } from './capacity.ts';
import { createConnections } from './connections.ts';
import { createDispatch, noRoute, type Resolve } from './dispatch.ts';
import { watchHalfClose } from './half-close.ts';
import { defaultLimits, type GatewayLimits } from './limits.ts';
import { joinService } from './named-service.ts';
import type { CallRecord } from './record.ts';
import type { Router } from './router.ts';
import { createServe, type Origin } from './serve.ts';
import { createServer, createUpgradeResponse } from './server.ts';
import { watchStalls } from './stalls.ts';

export interface GatewayOptions {
  readonly router: Router;
  readonly capacity: Capacity;
  readonly clock: Clock;
  readonly log: Log;
  /** Told once of every request, when it is over. Must not throw. */
  readonly record: (record: CallRecord) => void;
  readonly limits?: Partial<GatewayLimits>;
  /** For SERVER_SOFTWARE; default "minke". */
  readonly software?: string;
}

/** The HTTP way in. */
export interface Gateway {
  /** One request by host and path, whatever server it came through. Never throws; the answer is in `response`. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** One request to a function by its name, with `url` (path and query) in place of the request's own. */
  handleCall(request: IncomingMessage, response: ServerResponse, to: CallTarget): void;
  /** At most once. Rejects as `net.Server` does when the address is taken. Port 0 = any. */
  listen(host: string, port: number): Promise<{ readonly host: string; readonly port: number }>;
  /**
   * A connection from inside an app's network: HTTP to a function by its name, the whole path being the function's; to a
   * service whatever it speaks, byte for byte, once it is ready. Call `listen` first: it starts the clock for slow heads.
   */
  handleNamed(connection: NamedConnection, parent?: Id): void;
  /** Of a function that is reached by requests. */
  load(app: string, name: string): Load;
  /** Takes nothing new, lets calls end for `graceMs` (default 10 s), then ends them. Idempotent. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

export interface CallTarget {
  readonly app: string;
  readonly name: string;
  readonly url: string;
  /** The instance that calls, where it is one. */
  readonly parent?: Id;
}

export function createGateway(options: GatewayOptions): Gateway {
  const { router, capacity, clock, log, record } = options;
  const limits: GatewayLimits = { ...defaultLimits, ...options.limits };
  const admission = createAdmission(limits.queueMax);
  const dispatch = createDispatch({ capacity, admission, clock, log, limits, software: options.software ?? 'minke' });
  const connections = createConnections(limits.connectionsPerAddress);
  const named = new WeakMap<Socket, NamedConnection & { readonly parent: Id | undefined }>();
  const ending = new AbortController();
  let isClosing = false;

  const resolveRoute: Resolve = (asked) => {
    const match = router.match(asked.host, asked.path);
    if (match === undefined) throw noRoute(asked);
    return match;
  };
  const resolveName =
    (app: string, name: string): Resolve =>
    (asked) => {
      const target = router.find(app, name);
      if (target === undefined) throw noRoute({ ...asked, authority: name });
      return { target, prefix: '/' };
    };
  const originOf = (socket: Socket): Origin => {
    const connection = named.get(socket);
    const caller = callerOf(socket);
    if (connection === undefined) return { caller, resolve: resolveRoute };
    const { app, name, port, from, parent } = connection;
    return {
      caller: { ...caller, address: from, localPort: port, ...fromInside(parent) },
      resolve: resolveName(app, name),
    };
  };

  const serve = createServe({ clock, log, record, limits, dispatch, connections, isClosing: () => isClosing });

  const handle: Gateway['handle'] = (request, response) => serve(request, response, originOf(request.socket));
  const server = createServer({
    limits,
    onRequest: handle,
    onUpgrade: (request, socket, head) => {
      serve(request, createUpgradeResponse(request, socket), { ...originOf(socket), upgrade: { socket, head } });
    },
    onConnection: (socket) => {
      const address = named.get(socket)?.from ?? callerOf(socket).address;
      if (connections.add(socket, address)) watchHalfClose(socket, clock, () => connections.callsOf(socket));
    },
    callsOf: (socket) => connections.callsOf(socket),
  });

  return {
    handle,
    handleCall: (request, response, { app, name, url, parent }) => {
      const caller = { ...callerOf(request.socket), ...fromInside(parent) };
      serve(request, response, { caller, resolve: resolveName(app, name), url });
    },
    listen: async (host, port) => {
      server.listen(port, host);
      await once(server, 'listening');
      void watchStalls(connections, limits, clock, ending.signal);
      const address = server.address() as AddressInfo;
      return { host: address.address, port: address.port };
    },
    handleNamed: (connection, parent) => {
      const target = router.find(connection.app, connection.name);
      if (target?.kind === 'service') {
        void joinService(connection, target, { capacity, admission, clock, log, ending: ending.signal });
        return;
      }
      named.set(connection.socket, { ...connection, parent });
      server.emit('connection', connection.socket);
      // It comes paused, so that nothing is lost before it is known who reads it.
      connection.socket.resume();
    },
    load: (app, name) => admission.load({ app, name }),
    close: async ({ graceMs = 10_000 } = {}) => {
      isClosing = true;
      const closed = server.listening ? once(server, 'close') : undefined;
      server.close();
      await within(connections.drained(), graceMs, clock);
      const reason = new MinkeError('NO_INSTANCE', { name: 'The gateway', reason: 'it is being shut down' });
      connections.abort(reason);
      ending.abort(reason);
      connections.destroy();
      await closed;
    },
  };
}

const fromInside = (instance: Id | undefined) => (instance === undefined ? {} : { instance });

async function within(work: Promise<void>, ms: number, clock: Clock): Promise<void> {
  const over = new AbortController();
  await Promise.race([work, clock.sleep(ms, over.signal).catch(() => undefined)]);
  over.abort();
}
