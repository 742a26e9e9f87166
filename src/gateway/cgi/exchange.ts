import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { InstanceExit } from '../../model/instance.ts';
import type { Clock } from '../../observe/clock.ts';
import { cgiFailure, isBroken, type Culprit } from './failure.ts';
import { findHeadEnd, quote, readCgiHead, type CgiDocument, type CgiHead, type Field } from './head.ts';
import type { CgiInstance } from './instance.ts';
import { readAhead, type Ahead } from './read-ahead.ts';

export interface CgiExchange {
  readonly instance: CgiInstance;
  readonly culprit: Culprit;
  /** Read already, and what is still to come; undefined = no body. */
  readonly body: { readonly ahead: Ahead; readonly rest: Readable } | undefined;
  readonly response: ServerResponse;
  /** Ends the answer so that nobody can take it for a whole one. */
  readonly breakOff: () => void;
  /** The gateway's own header fields, asked for when the head is written. */
  readonly fields: () => readonly Field[];
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly headLimitBytes: number;
  readonly exitGraceMs: number;
}

export interface CgiResult {
  /** Path and query that shall be answered instead; the response is untouched. */
  readonly redirectTo?: string;
  readonly exit: InstanceExit | undefined;
}

/**
 * One request through one instance. When this settles, the instance is gone, whatever happened. Throws the signal's
 * reason, or CGI_BAD_OUTPUT, OUT_OF_MEMORY, PIDS_LIMIT; if the head was out by then, the response is destroyed, so that
 * the client sees a broken answer and not a short one.
 */
export async function exchangeCgi(exchange: CgiExchange): Promise<CgiResult> {
  const { instance, signal } = exchange;
  const kill = (): void => {
    instance.stdout.destroy();
    instance.stop().catch(() => undefined);
  };
  // A pipe that breaks between two reads; the program's end says what there is to say.
  instance.stdout.on('error', () => undefined);
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  try {
    feed(exchange);
    const redirectTo = await answer(exchange);
    const exit = await exitWithin(exchange);
    return { exit, ...(redirectTo === undefined ? {} : { redirectTo }) };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', kill);
    await instance.stop();
  }
}

/** A program need not read its input: EPIPE is no failure, and what it leaves is read away at the end of the request. */
function feed({ body, instance: { stdin } }: CgiExchange): void {
  stdin.on('error', () => body?.rest.unpipe(stdin));
  if (body === undefined) {
    stdin.end();
    return;
  }
  stdin.write(body.ahead.seen);
  if (body.ahead.isEnded) stdin.end();
  else body.rest.pipe(stdin);
}

async function answer(exchange: CgiExchange): Promise<string | undefined> {
  const { head, rest, isEnded } = await readHead(exchange);
  exchange.signal.throwIfAborted();
  if (head.kind === 'local-redirect') return head.url;
  if (head.kind === 'bad') throw await failure(exchange, head.reason, isEnded);
  await writeDocument(exchange, head.document, await firstOfBody(exchange, head.document, rest));
  return undefined;
}

interface ReadHead {
  readonly head: CgiHead;
  readonly rest: Buffer;
  readonly isEnded: boolean;
}

async function readHead({ instance, headLimitBytes }: CgiExchange): Promise<ReadHead> {
  let headEnd: number | undefined;
  let looked = 0;
  const { seen, isEnded } = await readAhead(instance.stdout, (bytes) => {
    headEnd = findHeadEnd(bytes, looked);
    looked = bytes.length;
    return headEnd !== undefined || bytes.length > headLimitBytes;
  });
  const rest = seen.subarray(headEnd ?? seen.length);
  if (headEnd === undefined || headEnd > headLimitBytes)
    return { head: withoutEnd(seen, headLimitBytes), rest, isEnded };
  return { head: readCgiHead(seen.subarray(0, headEnd)), rest, isEnded };
}

function withoutEnd(seen: Buffer, limitBytes: number): CgiHead {
  if (seen.length === 0) return { kind: 'bad', reason: 'it wrote nothing' };
  if (seen.length > limitBytes) return { kind: 'bad', reason: `its head is larger than ${limitBytes} bytes` };
  const read = readCgiHead(seen);
  if (read.kind === 'bad') return read;
  return { kind: 'bad', reason: `its head, ${quote(seen)}, does not end with an empty line` };
}

/** A body needs a Content-Type (RFC 3875, 6.3.1), so without one its first byte is waited for. */
async function firstOfBody(exchange: CgiExchange, document: CgiDocument, rest: Buffer): Promise<Buffer> {
  if (document.hasContentType || isBodiless(exchange, document)) return rest;
  const first =
    rest.length > 0
      ? { seen: rest, isEnded: false }
      : await readAhead(exchange.instance.stdout, ({ length }) => length > 0);
  exchange.signal.throwIfAborted();
  if (first.seen.length > 0) throw await failure(exchange, 'it wrote a body without a Content-Type', first.isEnded);
  const exit = await exitWithin(exchange);
  if (exit !== undefined && isBroken(exit)) throw cgiFailure(exchange.culprit, 'it wrote no body', exit);
  return rest;
}

const isBodiless = ({ response }: CgiExchange, { status }: CgiDocument): boolean =>
  status === 204 || status === 304 || response.req.method === 'HEAD';

/**
 * Streams the body. A length that the program declared is kept to: more is cut off, and less breaks the connection,
 * for the client would take the next answer for the rest of this one. Without a length only the program's end tells a
 * whole body from a torn one.
 */
async function writeDocument(exchange: CgiExchange, document: CgiDocument, first: Buffer): Promise<void> {
  const { response, instance, signal } = exchange;
  const { contentLength } = document;
  response.writeHead(document.status, document.reasonPhrase, headersOf(exchange, document).flat());
  if (first.length === 0) response.flushHeaders();
  const written = { bytes: 0 };
  try {
    await pipeline(() => clip(first, instance.stdout, contentLength, written), response, { end: false, signal });
    if (!isBodiless(exchange, document)) await refuseTorn(exchange, contentLength, written.bytes);
    response.end();
  } catch (error) {
    exchange.breakOff();
    throw error;
  }
}

function headersOf({ fields }: CgiExchange, { headers, contentLength }: CgiDocument): readonly Field[] {
  const own = fields();
  const taken = new Set(own.map(([name]) => name.toLowerCase()));
  return [
    ...headers.filter(([name]) => !taken.has(name.toLowerCase())),
    ...(contentLength === undefined ? [] : [['Content-Length', String(contentLength)] as const]),
    ...own,
  ];
}

async function* clip(
  first: Buffer,
  stdout: Readable,
  limit: number | undefined,
  written: { bytes: number },
): AsyncGenerator<Buffer> {
  const take = (chunk: Buffer): Buffer => {
    const part = limit === undefined ? chunk : chunk.subarray(0, limit - written.bytes);
    written.bytes += part.length;
    return part;
  };
  if (first.length > 0) yield take(first);
  if (written.bytes === limit) return;
  for await (const chunk of stdout as AsyncIterable<Buffer>) {
    yield take(chunk);
    if (written.bytes === limit) return;
  }
}

async function refuseTorn(exchange: CgiExchange, declared: number | undefined, written: number): Promise<void> {
  if (written === declared) return;
  const exit = await exitWithin(exchange);
  if (declared !== undefined) {
    throw cgiFailure(exchange.culprit, `it wrote ${written} bytes of a body of ${declared}`, exit);
  }
  if (exit !== undefined && isBroken(exit)) throw cgiFailure(exchange.culprit, 'it broke off within its answer', exit);
}

/** A program that still writes is not waited for. */
async function failure(exchange: CgiExchange, reason: string, isEnded: boolean): Promise<Error> {
  return cgiFailure(exchange.culprit, reason, isEnded ? await exitWithin(exchange) : undefined);
}

/** Closed stdout is the end of the answer; the program then has a moment to end as well. */
async function exitWithin({ instance, clock, exitGraceMs }: CgiExchange): Promise<InstanceExit | undefined> {
  const over = new AbortController();
  const grace = clock.sleep(exitGraceMs, over.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([instance.exited, grace]);
  } finally {
    // With a reason, since abort would otherwise make an error with a stack for each request.
    over.abort('over');
  }
}
