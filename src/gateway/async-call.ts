import { MinkeError } from '../errors/index.ts';
import type { Id } from '../model/ids.ts';
import { readUrl } from './asked.ts';
import { tooLarge } from './body.ts';
import { answerFields, parentOf, proceed, type Call } from './call.ts';
import type { LaterCall, Target } from './capacity.ts';
import { cgiEnvironment } from './cgi/environment.ts';
import { readAhead } from './cgi/read-ahead.ts';
import { fieldsOfCgi } from './cgi-request.ts';
import type { HandlerParts } from './handler.ts';
import type { Match } from './router.ts';
import { untilAborted } from './until-aborted.ts';

const prefix = '/_minke/async';

/** The call as it is to be made later; undefined where it is not asked for so. Only the one spelling counts. */
export function laterCall(call: Call): Call | undefined {
  const { method, url } = call.asked;
  if (method !== 'POST' || !url.startsWith(`${prefix}/`)) return undefined;
  return { ...call, asked: { ...call.asked, ...readUrl(url.slice(prefix.length)) } };
}

/**
 * Accepts a call to be made by a durable run, and answers 202 with its id once that is on disk: a task gets the body on stdin and `?arg=`
 * as arguments, a `cgi` function the request as RFC 3875 has it, and all that it answers, with its head, is the run's result.
 */
export function createLaterHandler(parts: HandlerParts): (call: Call, match: Match) => Promise<void> {
  const { limits, capacity, software } = parts;
  let bodies = 0;
  return async (call, match) => {
    const { target } = match;
    refuseKind(target);
    if (bodies >= limits.laterBodies) throw new MinkeError('QUEUE_FULL', { name: target.name, limit: bodies });
    bodies += 1;
    try {
      const input = await wholeBody(call, limits.laterBytes);
      const run = await capacity.acceptLater(target, laterOf(call, match, input, software));
      call.story.run = run;
      answer(call, run);
    } finally {
      bodies -= 1;
    }
  };
}

function refuseKind({ name, kind }: Target): void {
  if (kind === 'task' || kind === 'cgi') return;
  const reason = 'it is no task and no cgi function, and only their calls are made by runs';
  throw new MinkeError('NOT_SUPPORTED', { what: `Calling "${name}" later`, reason });
}

function laterOf(call: Call, match: Match, input: Buffer | undefined, software: string): LaterCall {
  const key = call.request.headers['idempotency-key'];
  return {
    ...(match.target.kind === 'task'
      ? { args: new URLSearchParams(call.asked.query).getAll('arg'), env: {} }
      : { args: [], env: cgiEnvironment(fieldsOfCgi(call, match, input?.length, software)) }),
    ...(input === undefined ? {} : { input }),
    ...(key === undefined ? {} : { idempotencyKey: String(key) }),
    ...parentOf(call),
  };
}
/** All of it: what breaks off is the end of the call. */
async function wholeBody(call: Call, limitBytes: number): Promise<Buffer | undefined> {
  const { body, signal, request } = call;
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge(limitBytes);
  if (body === undefined) return undefined;
  proceed(call);
  const { seen } = await untilAborted(
    readAhead(body, ({ length }) => length > limitBytes),
    signal,
  );
  signal.throwIfAborted();
  if (seen.length > limitBytes) throw tooLarge(limitBytes);
  if (!request.complete) throw new MinkeError('REQUEST_REFUSED', { reason: 'its body broke off' });
  return seen;
}

function answer(call: Call, run: Id): void {
  const body = `${JSON.stringify({ run: { id: run } })}\n`;
  const fields = [
    ['Content-Type', 'application/json'],
    ['Content-Length', String(Buffer.byteLength(body))],
    ['Cache-Control', 'no-store'],
    ['Location', `/minke/v1/runs/${run}`],
    ...answerFields(call),
  ];
  call.response.writeHead(202, fields.flat());
  call.response.end(body);
}
