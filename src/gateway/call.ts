import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { MinkeError } from '../errors/index.ts';
import { shortId, type Id } from '../model/ids.ts';
import type { Clock } from '../observe/clock.ts';
import type { Asked } from './asked.ts';
import { announcesBody, bodyOf } from './body.ts';
import type { Target } from './capacity.ts';
import { createPhases, serverTiming, type Phases } from './phases.ts';
import type { CallRecord } from './record.ts';

/** One request on its way. A local redirect makes a second one of it that shares everything but `asked` and `body`. */
export interface Call {
  readonly at: number;
  readonly requestId: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly asked: Asked;
  readonly caller: Caller;
  readonly body: Readable | undefined;
  /** Set when the client wants to leave HTTP for a WebSocket on this connection. */
  readonly upgrade: Upgrade | undefined;
  readonly phases: Phases;
  readonly deadline: Deadline;
  /** Aborts with ClientGone, or with the MinkeError that shall be the answer. */
  readonly signal: AbortSignal;
  abort(reason: Error): void;
  /** Filled on the way, for the answer's head and for the record. */
  readonly story: Story;
}

export interface Caller {
  readonly address: string;
  readonly localAddress: string;
  readonly localPort: number;
  readonly isEncrypted: boolean;
  /** Where the call came from inside: the instance that calls. */
  readonly instance?: Id;
}

export interface Upgrade {
  readonly socket: Socket;
  /** What the client sent behind its head. */
  readonly head: Buffer;
}

/** The one time limit of a request, counted from its arrival. */
export interface Deadline {
  /** Unix milliseconds; undefined while none is set. */
  at(): number | undefined;
  /** The first call counts; 0 = none. */
  set(target: Target): void;
  lift(): void;
}

export type Story = {
  -readonly [Key in 'app' | 'name' | 'kind' | 'error' | 'instance' | 'run' | 'exitCode' | 'stderr']?: NonNullable<
    CallRecord[Key]
  >;
} & {
  /** The client was told to send its body. */
  hasContinued?: boolean;
  isClosing?: boolean;
};

/** The client closed its connection: there is nobody to answer. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** For what is started because of the call. */
export const parentOf = ({ caller }: Call): { readonly parent?: Id } =>
  caller.instance === undefined ? {} : { parent: caller.instance };

export interface CallOptions {
  readonly clock: Clock;
  readonly asked: Asked;
  readonly caller: Caller;
  readonly upgrade: Upgrade | undefined;
  readonly bodyLimitBytes: number;
}

export function createCall(request: IncomingMessage, response: ServerResponse, options: CallOptions): Call {
  const { clock, asked, caller, upgrade, bodyLimitBytes } = options;
  const controller = new AbortController();
  const abort = (reason: Error): void => controller.abort(reason);
  return {
    at: clock.now(),
    requestId: requestIdOf(request),
    request,
    response,
    asked,
    caller,
    body: bodyOf(request, bodyLimitBytes, abort),
    upgrade,
    phases: createPhases(clock),
    deadline: createDeadline(clock, abort),
    signal: controller.signal,
    abort,
    story: {},
  };
}

/** The header fields that every answer carries, whoever wrote it. */
export function answerFields(call: Call): [name: string, value: string][] {
  const { requestId, request, phases, story } = call;
  return [
    ['X-Request-Id', requestId],
    ...field('Minke-Instance', story.instance === undefined ? undefined : shortId(story.instance)),
    ...field('Minke-Run', story.run),
    ...field('Server-Timing', request.headers['minke-timing'] === '1' ? serverTiming(phases.measure()) : undefined),
    ...field('Connection', mustClose(call) ? 'close' : undefined),
  ];
}

/** Lets a client go on that waits with its body to hear whether it is wanted. */
export function proceed(call: Call): void {
  if (!isHeldBack(call)) return;
  call.story.hasContinued = true;
  call.response.writeContinue();
}

/** The client waits with its body to hear whether it is wanted. */
export const isHeldBack = ({ request, story }: Call): boolean => awaitsContinue(request) && story.hasContinued !== true;

/** Where the socket says the client is. */
export function callerOf(socket: Socket): Caller {
  return {
    address: plainAddress(socket.remoteAddress ?? ''),
    localAddress: plainAddress(socket.localAddress ?? ''),
    localPort: socket.localPort ?? 0,
    isEncrypted: 'encrypted' in socket,
  };
}

/** An id from outside is kept when it is harmless in a log and in a header. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:+/=-]{1,128}$/.test(given) ? given : randomUUID();
}

/** HTTP/1.0 knows no such answers (RFC 9110, 10.1.1). */
const awaitsContinue = (request: IncomingMessage): boolean =>
  request.headers.expect !== undefined && request.httpVersion !== '1.0' && announcesBody(request);

/** Whether a body that was not asked for will come all the same cannot be known. */
const mustClose = (call: Call): boolean => call.story.isClosing === true || isHeldBack(call);

const field = (name: string, value: string | undefined): [string, string][] =>
  value === undefined ? [] : [[name, value]];

/** A socket that takes both families shows IPv4 as ::ffff:a.b.c.d. */
const plainAddress = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/, '');

/** Given to `abort`, which would otherwise make an error with a stack for each call. */
const over = 'over';

function createDeadline(clock: Clock, abort: (reason: Error) => void): Deadline {
  const begun = { at: clock.now(), elapsed: clock.elapsed() };
  const timer = new AbortController();
  let at: number | undefined;
  return {
    at: () => at,
    set: ({ name, timeoutMs }) => {
      if (at !== undefined || timeoutMs === 0) return;
      at = begun.at + timeoutMs;
      const left = Math.max(timeoutMs - (clock.elapsed() - begun.elapsed), 0);
      clock.sleep(left, timer.signal).then(
        () => abort(new MinkeError('REQUEST_TIMEOUT', { name, seconds: timeoutMs / 1000 })),
        () => undefined,
      );
    },
    lift: () => timer.abort(over),
  };
}
