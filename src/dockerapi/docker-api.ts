import { randomInt } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { MinkeError, toMinkeError } from '../errors/index.ts';
import { http } from '../linux/node-http.ts';
import type { Id } from '../model/ids.ts';
import { isSettled } from '../model/run.ts';
import { sendError } from './answer.ts';
import { createBulletin } from './bulletin.ts';
import type { Desk } from './call.ts';
import type { Caller, Container } from './containers.ts';
import { admit, readBody, type Knock, type Audit } from './door.ts';
import { createExecs } from './execs.ts';
import { createForeground } from './foreground.ts';
import { handlers } from './handlers.ts';
import { hijackResponse, hijackSocket, type Hijack } from './hijack.ts';
import { matchRoute, takesOver } from './routes.ts';
import { setDockerHeaders } from './system-calls.ts';
import { readTarget, type Target } from './target.ts';

export interface DockerApi {
  /** For the `request` event. Never rejects: whatever goes wrong is answered. */
  handle(request: IncomingMessage, response: ServerResponse, caller: Caller): Promise<void>;
  /** For the `upgrade` event: an attach takes the socket over, everything else is refused and the socket closed. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer, caller: Caller): Promise<void>;
  /** For http.Server's `shouldUpgradeCallback`: clients that offer HTTP/2 with any request are answered in HTTP/1.1. */
  wantsUpgrade(request: IncomingMessage): boolean;
  /** The instance has ended: what it watched ends too, what it only recorded is forgotten, all else goes on. */
  callerEnded(instance: Id): Promise<void>;
  /** Ends every stream; runs go on. */
  close(): void;
}

export type DockerApiOptions = Pick<
  Desk,
  'containers' | 'images' | 'networks' | 'volumes' | 'engine' | 'info' | 'clock' | 'log'
> & {
  /** Takes one line for every decision at a function's door. */
  readonly record: Audit;
  /** 0 to count - 1; for names. */
  readonly pick?: Desk['pick'];
};

/** The Docker Engine API for both doors. The caller is known by the listener, never by what is sent. */
export function createDockerApi({
  record,
  pick = (count) => randomInt(count),
  ...options
}: DockerApiOptions): DockerApi {
  const closing = new AbortController();
  const desk: Desk = {
    ...options,
    pick,
    bulletin: createBulletin(),
    execs: createExecs(),
    foreground: createForeground(options.clock),
    closing: closing.signal,
  };
  options.containers.observe(desk.bulletin.post);
  const inTurn = createTurns();
  const serve = async (exchange: Exchange): Promise<void> => {
    let isDecided = false;
    const audit: Audit = (event) => {
      isDecided = true;
      record(event);
    };
    try {
      setDockerHeaders(exchange.response, (await desk.info()).version);
      await answer(desk, audit, inTurn, exchange);
    } catch (error) {
      if (!isDecided) auditError(desk, audit, exchange, error);
      fail(desk, exchange, error);
    }
  };
  /** What each connection was asked for last. */
  const lastAnswers = new WeakMap<Socket, ServerResponse>();
  return {
    handle: async (request, response, caller) => {
      lastAnswers.set(request.socket, response);
      await serve({ request, response, caller, hijack: hijackResponse(request, response), isUpgrade: false });
    },
    upgrade: async (request, socket, head, caller) => {
      const before = lastAnswers.get(socket);
      if (before === undefined || before.closed) await serve(upgradeExchange(request, socket, head, caller));
      else endBehind(before, socket);
    },
    wantsUpgrade: (request) => /\btcp\b/i.test(request.headers.upgrade ?? ''),
    callerEnded: (instance) => endWatched(desk, instance),
    close: () => closing.abort(),
  };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly caller: Caller;
  readonly hijack: Hijack;
  readonly isUpgrade: boolean;
}

async function answer(desk: Desk, audit: Audit, inTurn: Turns, exchange: Exchange): Promise<void> {
  const { request, response, caller, hijack, isUpgrade } = exchange;
  const target = readTarget(request.url ?? '/');
  const match = matchRoute(request.method ?? '', target.path);
  const isTrick = caller.door === 'function' && target.trick !== undefined;
  if (match === undefined && !isTrick) throw unknownCall(request, target);
  if (isUpgrade && caller.door === 'operator' && !takesOver(match)) {
    throw new MinkeError('BAD_REQUEST', { reason: 'only an attach takes over the connection' });
  }
  const knock: Knock = { request, target, match, isUpgrade };
  const body = await readBody(caller, knock);
  const proceed = async (): Promise<void> => {
    const admitted = await admit(desk, audit, caller, knock, body);
    if (match === undefined) throw unknownCall(request, target);
    const { call } = match.route;
    if (typeof call !== 'string')
      throw new MinkeError('NOT_SUPPORTED', { what: call.unsupported, reason: call.because });
    await handlers[call](desk, {
      caller,
      target,
      parameters: match.parameters,
      request,
      response,
      hijack,
      body,
      ...admitted,
    });
  };
  // A limit that is read and then used up must not be read twice in between.
  await (match?.route.call === 'containerCreate' ? inTurn(proceed) : proceed());
}

const unknownCall = (request: IncomingMessage, target: Target): MinkeError =>
  new MinkeError('NOT_FOUND', { method: request.method ?? '', path: target.path });

/** A request that never came so far as to be decided: it is a refusal all the same. */
function auditError({ clock }: Desk, audit: Audit, { request, caller }: Exchange, thrown: unknown): void {
  if (caller.door === 'operator') return;
  const { app, name, instance } = caller;
  const facts = { method: request.method, path: request.url, allowed: false, reason: toMinkeError(thrown).message };
  audit({ at: clock.now(), kind: 'door', app, name, instance, facts });
}

function fail({ log, closing }: Desk, { request, response }: Exchange, thrown: unknown): void {
  const error = toMinkeError(thrown);
  // A client that goes in the middle is no failure of anybody's.
  const isGone = response.destroyed || request.errored !== null || closing.aborted;
  if (error.code === 'INTERNAL' && !isGone)
    log.error('A call of the Docker API failed', { method: request.method, path: request.url, error });
  sendError(response, error);
}

/** Answers on a socket that Node has let go of: one answer, then it is closed, whatever else lies in it. */
function upgradeExchange(request: IncomingMessage, socket: Socket, head: Buffer, caller: Caller): Exchange {
  const response = new http.ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => socket.destroySoon());
  socket.on('error', () => socket.destroy());
  const socketHijack = hijackSocket(request, socket, head);
  const take: Hijack['take'] = (contentType) => {
    response.detachSocket(socket);
    return socketHijack.take(contentType);
  };
  const hijack = { ...socketHijack, take };
  return { request, response, caller, hijack, isUpgrade: true };
}

/** A connection is not taken over while an answer on it is not out: it ends with that. */
function endBehind(before: ServerResponse, socket: Socket): void {
  // From here on Node listens to the socket no more.
  socket.on('error', () => socket.destroy());
  before.once('close', () => socket.destroySoon());
}

type Turns = (task: () => Promise<void>) => Promise<void>;

function createTurns(): Turns {
  let last: Promise<void> = Promise.resolve();
  return (task) => {
    const mine = last.then(task);
    last = mine.catch(() => undefined);
    return mine;
  };
}

async function endWatched({ containers, foreground, log }: Desk, instance: Id): Promise<void> {
  const watched = new Set(foreground.take(instance));
  const end = async ({ run, isStarted }: Container): Promise<void> => {
    if (!isStarted) await containers.remove(run.id);
    else if (watched.has(run.id) && !isSettled(run.state)) await containers.cancel(run.id, 'its caller ended');
  };
  const mine = await containers.list({ parent: instance });
  // One that settles by itself meanwhile must not keep the others alive.
  await Promise.all(
    mine.map((one) =>
      end(one).catch((error: unknown) => log.warn('A watched run was not ended', { run: one.run.id, error })),
    ),
  );
}
