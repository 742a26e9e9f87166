import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { MinkeError } from '../errors/index.ts';
import { http } from '../linux/node-http.ts';
import { answerUnreadable } from './answer.ts';
import { announcesBody } from './body.ts';
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
  server.on('checkExpectation', onRequest);
  server.on('upgrade', (request, socket, head) => {
    if (!closeBehind(callsOf(socket as Socket), socket as Socket)) onUpgrade(request, socket as Socket, head);
  });
  server.on('connect', (_, socket) => {
    if (!closeBehind(callsOf(socket as Socket), socket as Socket)) refuseTunnel(socket as Socket);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const calls = callsOf(socket as Socket);
    const torn = calls.filter(({ request }) => !request.complete);
    if (!socket.writable || error.code === 'ECONNRESET' || torn.some(({ response }) => response.headersSent))
      socket.destroy();
    else if (calls.length === 0) refuseHead(error, socket as Socket);
    else endTorn(error, calls);
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
  // Node's server does not do this for it any more.
  socket.on('drain', () => response.emit('drain'));
  socket.on('error', () => socket.destroy());
  return response;
}

/** Other upgrades (to HTTP/2, say) may be ignored by a server and are (RFC 9110, 7.8), and so is one with a body before it. */
const wantsWebSocket = (request: IncomingMessage): boolean =>
  request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket' && !announcesBody(request);

/**
 * What leaves HTTP behind requests that are not answered yet is not looked at: the connection ends with their answers. False
 * where there are none.
 */
function closeBehind(calls: readonly Call[], socket: Socket): boolean {
  const last = calls.at(-1);
  if (last === undefined) return false;
  // From here on Node listens to the socket no more.
  socket.on('error', () => socket.destroy());
  last.story.isClosing = true;
  last.response.once('close', () => socket.destroySoon());
  return true;
}

function refuseTunnel(socket: Socket): void {
  // As above.
  socket.on('error', () => socket.destroy());
  answerUnreadable(socket, 400, 'it asks for a tunnel');
  socket.destroySoon();
}

/** Something on the connection cannot be read: the requests before it are whole and get their answers, and then it is closed. */
function endTorn(error: NodeJS.ErrnoException, calls: readonly Call[]): void {
  const torn = calls.filter(({ request }) => !request.complete);
  const lastWhole = calls.findLast(({ request }) => request.complete);
  const isClientGone = error.code === 'HPE_INVALID_EOF_STATE';
  if (lastWhole !== undefined && (isClientGone || torn.length === 0)) lastWhole.story.isClosing = true;
  for (const call of torn)
    call.abort(isClientGone ? new ClientGone() : new MinkeError('REQUEST_REFUSED', { reason: reasonOf(error) }));
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
