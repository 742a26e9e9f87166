import { breakOff } from './break-off.ts';
import { fieldsOfCgi } from './cgi-request.ts';
import { answerFields, parentOf, proceed, type Call } from './call.ts';
import type { Capacity, CgiInstance, Environment, Target } from './capacity.ts';
import { cgiEnvironment } from './cgi/environment.ts';
import { exchangeCgi, type CgiExchange, type CgiResult } from './cgi/exchange.ts';
import { readAhead, type Ahead } from './cgi/read-ahead.ts';
import { keepTail } from './cgi/stderr-tail.ts';
import type { Handler, HandlerParts } from './handler.ts';
import { untilAborted } from './until-aborted.ts';

/**
 * A fresh container for each request. A chunked body that ends within `cgiChunkedBytes` arrives with CONTENT_LENGTH, as
 * RFC 3875 wants it; a longer one is streamed without, and ends where stdin ends.
 */
export function createCgiHandler(parts: HandlerParts): Handler {
  const { admission, capacity, limits, software } = parts;
  return async (call, match) => {
    const { target } = match;
    const body = await bodyAhead(call, limits.cgiChunkedBytes);
    const leave = await admission.enter(target, call.signal);
    call.phases.admitted();
    try {
      const contentLength = lengthOf(call, body?.ahead);
      const env = cgiEnvironment(fieldsOfCgi(call, match, contentLength, software));
      const instance = await start(capacity, target, env, call);
      call.story.instance = instance.id;
      call.phases.started();
      proceed(call);
      const { redirectTo } = await serve(parts, call, target, instance, body);
      return redirectTo;
    } finally {
      leave();
    }
  };
}

async function bodyAhead(call: Call, limitBytes: number): Promise<CgiExchange['body']> {
  const { body, signal } = call;
  if (body === undefined) return undefined;
  if (call.request.headers['content-length'] !== undefined) {
    return { ahead: { seen: Buffer.alloc(0), isEnded: false }, rest: body };
  }
  // Before a place is taken: a slow sender keeps nobody else out.
  proceed(call);
  const ahead = await untilAborted(readToEnd(body, limitBytes), signal);
  signal.throwIfAborted();
  return { ahead, rest: body };
}

const readToEnd = (body: NonNullable<Call['body']>, limitBytes: number): Promise<Ahead> =>
  readAhead(body, ({ length }) => length > limitBytes);

function lengthOf({ body, request }: Call, ahead: Ahead | undefined): number | undefined {
  if (body === undefined || ahead === undefined) return undefined;
  if (ahead.isEnded) return ahead.seen.length;
  const declared = request.headers['content-length'];
  return declared === undefined ? undefined : Number(declared);
}

async function start(capacity: Capacity, target: Target, env: Environment, call: Call): Promise<CgiInstance> {
  const { signal } = call;
  const starting = capacity.startCgi(target, { env, signal, ...parentOf(call) });
  try {
    return await untilAborted(starting, signal);
  } catch (error) {
    starting.then((late) => late.stop()).catch(() => undefined);
    throw error;
  }
}

async function serve(
  { clock, limits, log }: HandlerParts,
  call: Call,
  target: Target,
  instance: CgiInstance,
  body: CgiExchange['body'],
): Promise<CgiResult> {
  const stderr = keepTail(instance.stderr, limits.stderrBytes);
  try {
    const result = await exchangeCgi({
      instance,
      culprit: target,
      body,
      response: call.response,
      breakOff: () => breakOff(call.response),
      fields: () => answerFields(call),
      signal: call.signal,
      clock,
      headLimitBytes: limits.cgiHeadBytes,
      exitGraceMs: limits.cgiExitGraceMs,
    });
    if (result.exit !== undefined) call.story.exitCode = result.exit.code;
    return result;
  } finally {
    const text = stderr();
    if (text !== '') {
      call.story.stderr = text;
      log.info('stderr', { app: target.app, name: target.name, instance: instance.id, request: call.requestId, text });
    }
  }
}
