import type { ClientRequest, IncomingMessage, InformationEvent, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { http } from '../../linux/node-http.ts';
import { clientHeaders, headerLines, passedTrailers, type Headers } from './headers.ts';
import { openPatientConnection } from './patient-connection.ts';

export interface ProxyExchange {
  readonly socket: Socket;
  readonly method: string;
  /** Path and query, passed on as they came. */
  readonly url: string;
  readonly headers: Headers;
  readonly body: Readable | undefined;
  /** The body's length is not known beforehand; `trailers` are what came behind it, as name, value, name, value. */
  readonly isChunked: boolean;
  readonly trailers: () => readonly string[];
  /** The instance wants the body that the client has been holding back. */
  readonly proceed: () => void;
  readonly response: ServerResponse;
  /** Ends the answer so that nobody can take it for a whole one. */
  readonly breakOff: () => void;
  /** The gateway's own header fields, asked for when the head is written. */
  readonly fields: () => readonly (readonly [string, string])[];
  /** Asked when an answer ended with its connection, which a program that is killed closes as well. */
  readonly hasEnded: () => Promise<boolean>;
  /** The head of the answer is there: from now on it may last. */
  readonly answered: () => void;
  readonly signal: AbortSignal;
}

/** The connection to the instance failed before its answer began: `response` is untouched. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/**
 * One request through one connection, both bodies streamed. Resolves to whether the connection is idle and may be used
 * again; otherwise it is destroyed. Throws the signal's reason, NoAnswer, or, when the answer broke off, what broke it;
 * `response` is then destroyed.
 */
export async function exchangeHttp(exchange: ProxyExchange): Promise<{ readonly isIdle: boolean }> {
  const { socket, signal, response } = exchange;
  refuseClosed(socket);
  // Without a body there is nothing to write that could fail once the answer is there.
  const patient = exchange.body === undefined ? undefined : openPatientConnection(socket);
  const outgoing = send(exchange, patient?.stream ?? socket);
  const cancel = (): void => void outgoing.destroy();
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  let broken: Error | undefined;
  try {
    const incoming = await answerOf(outgoing);
    // Before the response breaks in its turn, which would look like the client's doing, and like an end to HTTP/1.0.
    incoming.once('error', (error) => {
      if (signal.aborted) return;
      broken = error;
      if (response.headersSent) exchange.breakOff();
    });
    exchange.answered();
    await relay(exchange, incoming);
    const isIdle = outgoing.writableFinished && outgoing.shouldKeepAlive && incoming.complete && !socket.destroyed;
    if (!isIdle) outgoing.destroy();
    return { isIdle };
  } catch (error) {
    outgoing.destroy();
    if (response.headersSent) exchange.breakOff();
    if (broken === undefined) signal.throwIfAborted();
    throw broken ?? error;
  } finally {
    patient?.detach();
    signal.removeEventListener('abort', cancel);
  }
}

/** Node would wait for ever for an answer on one that was closed before it was asked. */
export function refuseClosed(socket: Socket): void {
  if (socket.writable && socket.readable) return;
  socket.destroy();
  throw new NoAnswer('its connection was closed already');
}

function send(exchange: ProxyExchange, connection: Duplex): ClientRequest {
  const { method, url, headers, body, isChunked } = exchange;
  const outgoing = http.request({
    createConnection: () => connection,
    method,
    path: url,
    setHost: false,
    headers: { ...headers, Connection: 'keep-alive', ...(isChunked ? { 'Transfer-Encoding': 'chunked' } : {}) },
  });
  // Told by `answerOf` where there is something to tell.
  outgoing.on('error', () => undefined);
  outgoing.on('continue', () => exchange.proceed());
  outgoing.on('information', (hint) => tellHint(exchange, hint));
  if (body === undefined) outgoing.end();
  else sendBody(exchange, body, outgoing);
  // An instance may decide, and answer, by the head alone.
  if (body?.readableLength === 0) outgoing.flushHeaders();
  return outgoing;
}

/**
 * What an instance says before its answer (103 Early Hints) is passed on, as a proxy has to (RFC 9110, 15.2), but not to HTTP/1.0,
 * which knows no such answers, nor to a client that does not read: a hint may be missed.
 */
function tellHint({ response }: ProxyExchange, { statusCode, statusMessage, rawHeaders }: InformationEvent): void {
  const { socket } = response;
  const isHint = statusCode > 101 && response.req.httpVersion !== '1.0';
  if (!isHint || response.headersSent || socket === null || socket.writableLength > 0) return;
  const lines = headerLines(clientHeaders(rawHeaders, framing));
  socket.write(`HTTP/1.1 ${statusCode} ${statusMessage}\r\n${lines}\r\n`, 'latin1');
}

/** Makes no sense in an answer without a body. */
const framing = ['content-length', 'trailer'];

function sendBody({ isChunked, trailers }: ProxyExchange, body: Readable, outgoing: ClientRequest): void {
  body.once('end', () => {
    if (isChunked) outgoing.addTrailers(passedTrailers(trailers()));
  });
  body.pipe(outgoing);
  // An instance may answer without reading all; the rest must not wait for it.
  outgoing.once('close', () => body.unpipe(outgoing));
}

function answerOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(new NoAnswer('it closed the connection without an answer'));
    outgoing.once('close', closed);
    outgoing.once('response', (incoming) => {
      outgoing.off('close', closed);
      resolve(incoming);
    });
    // Stays on for the life of the request: after the answer has begun, the answer's own end tells what matters.
    outgoing.on('error', (error) => reject(new NoAnswer(error.message, { cause: error })));
  });
}

async function relay({ response, fields, hasEnded }: ProxyExchange, incoming: IncomingMessage): Promise<void> {
  const own = fields();
  const names = [...own.map(([name]) => name), ...(hasTrailers(incoming, response) ? [] : ['trailer'])];
  response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage, [
    ...clientHeaders(incoming.rawHeaders, names),
    ...own.flat(),
  ]);
  // The head goes with the first bytes of the body, or alone where none are there yet (events, say).
  if (incoming.readableLength === 0 && !incoming.complete) response.flushHeaders();
  incoming.once('end', () => {
    response.addTrailers(passedTrailers(incoming.rawTrailers));
  });
  const isOpen = isOpenEnded(incoming, response);
  await pipeline(incoming, response, { end: !isOpen });
  if (!isOpen) return;
  if (await hasEnded()) throw new Error('it ended within its answer');
  response.end();
}

/** They come behind chunks only; to announce others is an error to Node. */
const hasTrailers = ({ headers, statusCode }: IncomingMessage, { req }: ServerResponse): boolean =>
  headers['transfer-encoding'] !== undefined && req.httpVersion !== '1.0' && !isBodiless(req.method, statusCode);

const isBodiless = (method: string | undefined, statusCode: number | undefined): boolean =>
  method === 'HEAD' || statusCode === 204 || statusCode === 304;

/** Neither a length nor chunks tell where it ends (HTTP/1.0 has only the former). */
const isOpenEnded = ({ headers, statusCode }: IncomingMessage, { req }: ServerResponse): boolean =>
  headers['content-length'] === undefined &&
  headers['transfer-encoding'] === undefined &&
  !isBodiless(req.method, statusCode);
