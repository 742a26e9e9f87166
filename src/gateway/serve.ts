import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { toMinkeError, type ErrorCode } from '../errors/index.ts';
import type { Clock } from '../observe/clock.ts';
import type { Log } from '../observe/log.ts';
import { answerError } from './answer.ts';
import { readAsked, readUrl, unread } from './asked.ts';
import { refuseLargeBody } from './body.ts';
import { breakOff } from './break-off.ts';
import { ClientGone, createCall, type Call, type Caller, type Upgrade } from './call.ts';
import type { Connections } from './connections.ts';
import type { Resolve } from './dispatch.ts';
import type { GatewayLimits } from './limits.ts';
import { lingerOnClose } from './linger.ts';
import type { CallRecord } from './record.ts';
import { untilAborted } from './until-aborted.ts';

/** Where a request came in. */
export interface Origin {
  readonly caller: Caller;
  readonly resolve: Resolve;
  /** In place of the request's own path and query. */
  readonly url?: string;
  readonly upgrade?: Upgrade;
}

export interface ServeParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly record: (record: CallRecord) => void;
  readonly limits: GatewayLimits;
  readonly dispatch: (call: Call, resolve: Resolve) => Promise<void>;
  readonly connections: Connections;
  readonly isClosing: () => boolean;
}

export type Serve = (request: IncomingMessage, response: ServerResponse, origin: Origin) => void;

/** The life of a call, from its arrival until its answer has left: everything that is the same for all of them. */
export function createServe(parts: ServeParts): Serve {
  const { clock, log, record, limits, connections } = parts;
  const run = async (request: IncomingMessage, response: ServerResponse, origin: Origin): Promise<void> => {
    const { caller, upgrade } = origin;
    const options = { clock, caller, upgrade, asked: unread(request), bodyLimitBytes: limits.bodyBytes };
    const call = createCall(request, response, options);
    call.story.isClosing = parts.isClosing() || ignoresUpgrade(call);
    const turn = connections.begin(request.socket, call);
    watchResponse(call);
    try {
      if (turn !== undefined) await untilAborted(turn, call.signal);
      call.signal.throwIfAborted();
      await enter(parts, call, origin);
    } catch (thrown) {
      fail(parts, call, thrown);
    }
    await answerLeft(call);
    call.deadline.lift();
    connections.end(request.socket, call);
    record(recordOf(call));
  };
  return (request, response, origin) => {
    run(request, response, origin).catch((error: unknown) => log.error('The gateway dropped a call', { error }));
  };
}

async function enter({ limits, dispatch }: ServeParts, call: Call, { resolve, url }: Origin): Promise<void> {
  const asked = readAsked(call.request);
  refuseLargeBody(call.request, limits.bodyBytes);
  await dispatch({ ...call, asked: { ...asked, ...(url === undefined ? {} : readUrl(url)) } }, resolve);
}

/** What comes behind one on its connection has been passed over by the parser, which took it for another protocol. */
const ignoresUpgrade = ({ request, upgrade }: Call): boolean =>
  request.headers.upgrade !== undefined && upgrade === undefined;

/** The end of the connection ends the call; and the end of the call, once its head is out, breaks the connection. */
function watchResponse(call: Call): void {
  const { response, signal } = call;
  response.once('close', () => {
    if (!response.writableFinished) call.abort(new ClientGone());
  });
  signal.addEventListener('abort', () => {
    if (response.headersSent || signal.reason instanceof ClientGone) breakOff(response);
  });
}

function fail({ clock, limits, log }: ServeParts, call: Call, thrown: unknown): void {
  if (thrown instanceof ClientGone) return;
  const error = toMinkeError(thrown);
  call.story.error = error.code;
  if (isEndOfConnection(error.code)) call.story.isClosing = true;
  if (error.code === 'INTERNAL') log.error('A request failed', { request: call.requestId, error: thrown });
  if (!call.request.complete) lingerOnClose(call.request.socket, clock, limits.lingerMs);
  answerError(call, error);
}

/** The rest of the request is not wanted, not understood, or not to come. */
const isEndOfConnection = (code: ErrorCode): boolean =>
  code === 'BODY_TOO_LARGE' || code === 'REQUEST_REFUSED' || code === 'CLIENT_STALLED';

/** What is left of the request's body is read away, so that the connection can carry the next request. */
async function answerLeft({ request, response, upgrade }: Call): Promise<void> {
  if (!request.complete) {
    request.unpipe();
    request.resume();
  }
  // An upgraded connection has left its response behind; a response that never got its turn does not close by itself.
  if (response.closed || request.socket.destroyed || (upgrade !== undefined && response.socket === null)) return;
  await untilEitherCloses(response, request.socket);
}

/** Leaves nothing of itself on the connection, which may carry many more requests; an error of it is followed by its close. */
async function untilEitherCloses(response: ServerResponse, socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const closed = (): void => {
      response.off('close', closed);
      socket.off('close', closed);
      resolve();
    };
    response.on('close', closed);
    socket.on('close', closed);
  });
}

function recordOf({ at, requestId, response, asked, caller, phases, signal, story }: Call): CallRecord {
  const { isClosing: _, hasContinued: __, ...told } = story;
  return {
    at,
    requestId,
    method: asked.method,
    authority: asked.authority,
    url: asked.url,
    from: caller.address,
    ...told,
    // A connection that was broken because of an error looks like a client that went.
    status: signal.reason instanceof ClientGone && story.error === undefined ? 499 : response.statusCode,
    phases: phases.measure(),
  };
}
