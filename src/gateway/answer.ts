import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { MinkeError } from '../errors/index.ts';
import { http } from '../linux/node-http.ts';
import { breakOff } from './break-off.ts';
import { answerFields, type Call } from './call.ts';
import { errorPage } from './page.ts';

/**
 * The one place where failures become answers: the catalogue's status, and `{"error": ErrorBody}` or, for who prefers it,
 * a small page. No stack ever leaves. With the head out already, the connection is broken instead, so that nobody takes
 * half an answer for a whole one.
 */
export function answerError(call: Call, error: MinkeError): void {
  const { request, response, requestId } = call;
  if (response.headersSent) {
    breakOff(response);
    return;
  }
  const isPage = prefersHtml(request.headers.accept);
  const shown = publicError(error, requestId);
  const body = isPage ? errorPage(shown, requestId) : `${JSON.stringify({ error: shown })}\n`;
  const fields = [
    ['Content-Type', isPage ? 'text/html; charset=utf-8' : 'application/json'],
    ['Content-Length', String(Buffer.byteLength(body))],
    ['Cache-Control', 'no-store'],
    ['Minke-Error', error.code],
    ...(shown.entry.status === 503 ? [['Retry-After', '1']] : []),
    ...answerFields(call),
  ];
  // With a phrase, for one that could not be written may have been left behind.
  response.writeHead(shown.entry.status, http.STATUS_CODES[shown.entry.status] ?? '', fields.flat());
  response.end(body);
}

/** For a connection on which no request could be read: there is no response object. */
export function answerUnreadable(socket: Socket, status: 400 | 408 | 431, reason: string): void {
  answerBare(socket, new MinkeError('REQUEST_REFUSED', { reason }), status);
}

/** The last answer on a connection of which no request was read. */
export function answerBare(socket: Socket, error: MinkeError, status: number = error.entry.status): void {
  const body = `${JSON.stringify({ error })}\n`;
  const head = [
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ].join('\r\n');
  socket.end(`${head}\r\n\r\n${body}`);
}

/** What went wrong inside minke is for its log; the client gets the id to look for there. */
function publicError(error: MinkeError, requestId: string): MinkeError {
  return error.code === 'INTERNAL' ? new MinkeError('INTERNAL', { reason: `request ${requestId}` }) : error;
}

/** True when `text/html` is named and weighs more than JSON does. */
export function prefersHtml(accept: IncomingMessage['headers']['accept']): boolean {
  const weights = new Map((accept ?? '').split(',').map(readRange));
  const html = weights.get('text/html') ?? 0;
  return html > 0 && html > (weights.get('application/json') ?? 0);
}

function readRange(text: string): [type: string, weight: number] {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((part) => part.startsWith('q='));
  return [type, weight === undefined ? 1 : Number(weight.slice(2)) || 0];
}
