import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { MinkeError } from '../errors/index.ts';
import { http } from '../linux/node-http.ts';
import { answerUnreadable } from './answer.ts';
import { ClientGone, type Call } from './call.ts';
import type { GatewayLimits } from './limits.ts';

export interface ServerOptions {
  readonly limits: GatewayLimits;
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onUpgrade: (request: IncomingMessage, socket: Socket, head: Buffer) => void;
  readonly onConnection: (socket: Socket) => void;
  /** What is under way on this connection, oldest first: an answer to a broken request must not land inside another. */
  readonly callsOf: (socket: Socket) => readonly Call[];
}

/** Node's HTTP server with its strict parser, time limits, and answers of ours for what it cannot read. */
export function createServer({ limits, onRequest, onUpgrade, onConnection, callsOf }: ServerOptions): Server {
  const server = http.createServer(
    {
      insecureHTTPParser: false,
      requireHostHeader: true,
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTimeoutMs,
      // A body may take as long as it moves: stalls.ts watches that.
      requestTimeout: 0,
      connectionsCheckingInterval: limits.checkIntervalMs,
      keepAliveTimeout: limits.keepAliveMs,
      shouldUpgradeCallback: wantsWebSocket,
    },
    onRequest,
  );
  // More than Node's 2,000 fields would be dropped without a word; their size is bounded anyway.
  server.maxHeadersCount = 0;
  // A client that has said all it has to say still gets its answer; half-close.ts watches whether it is there.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('connection', onConnection);
  server.on('checkContinue', onRequest);
  server.on('upgrade', onUpgrade);
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const calls = callsOf(socket as Socket);
    if (!socket.writable || error.code === 'ECONNRESET' || calls.some(({ response }) => response.headersSent))
      socket.destroy();
    else if (calls.length === 0) refuseHead(error, socket as Socket);
    else if (error.code === 'HPE_INVALID_EOF_STATE') endTorn(calls);
    else for (const call of calls) call.abort(new MinkeError('REQUEST_REFUSED', { reason: reasonOf(error) }));
  });
  return server;
}

/**
 * A request to upgrade comes as a bare socket. With a response on it, failures and refusals are answered as everywhere
 * else; it is the last one on this connection.
 */
export function createUpgradeResponse(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new http.ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => socket.destroySoon());
  socket.on('error', () => socket.destroy());
  return response;
}

/** Other upgrades (to HTTP/2, say) may be ignored by a server and are (RFC 9110, 7.8). */
const wantsWebSocket = ({ headers, method }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';

/** The client ended its side within a request; those before it are whole and get their answers. */
function endTorn(calls: readonly Call[]): void {
  for (const call of calls) {
    call.story.isClosing = true;
    if (!call.request.complete) call.abort(new ClientGone());
  }
}

/** Answers a head that cannot be read, and closes the connection. */
export function refuseHead(error: NodeJS.ErrnoException, socket: Socket): void {
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  answerUnreadable(socket, status, reasonOf(error));
  // The rest of what the client sends is of no interest, and a client that does not read gets no more time.
  socket.destroySoon();
}

function reasonOf({ code }: NodeJS.ErrnoException): string {
  if (code === 'HPE_HEADER_OVERFLOW') return 'its header fields are too large';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'it came too slowly';
  return 'it is not well-formed HTTP/1.1';
}
