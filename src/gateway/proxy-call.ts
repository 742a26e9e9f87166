import { MinkeError } from '../errors/index.ts';
import { breakOff } from './break-off.ts';
import { answerFields, proceed, type Call } from './call.ts';
import type { Target, Upstream } from './capacity.ts';
import type { Handler, HandlerParts } from './handler.ts';
import { exchangeHttp, NoAnswer } from './proxy/exchange.ts';
import { upstreamHeaders } from './proxy/headers.ts';
import { exchangeUpgrade } from './proxy/upgrade.ts';
import { untilAborted } from './until-aborted.ts';

/** A second instance is tried once: more would multiply the load when all are in trouble. */
const attempts = 2;

/**
 * Passes the request on to an instance that speaks HTTP, path unchanged. It is tried again on another connection only
 * when no byte of an answer came, no byte of a body was sent, and the request may be repeated (RFC 9110, 9.2.2).
 */
export function createProxyHandler(parts: HandlerParts): Handler {
  return async (call, { target, prefix }) => {
    for (let attempt = 1; ; attempt += 1) {
      // One that was kept may have been closed as the request was sent; a second one may have been as well.
      const upstream = await connect(parts, call, target, attempt > 1);
      try {
        await pass(call, upstream, prefix);
        return undefined;
      } catch (error) {
        if (error === call.signal.reason) throw error;
        if (attempt >= attempts || !(error instanceof NoAnswer) || !isRepeatable(call)) throw failed(target, error);
      }
    }
  };
}

async function connect(
  { admission, capacity }: HandlerParts,
  call: Call,
  target: Target,
  isNew: boolean,
): Promise<Upstream> {
  const { signal } = call;
  call.phases.admitted();
  // Who waits for an instance of an `http` function is bounded by its pool.
  const limit = target.kind === 'http' ? Infinity : undefined;
  const connecting = admission.hold(target, () => capacity.connect(target, { signal, isNew }), limit);
  try {
    const upstream = await untilAborted(connecting, signal);
    call.story.instance = upstream.id;
    call.phases.started();
    return upstream;
  } catch (error) {
    connecting.then(discard).catch(() => undefined);
    throw error;
  }
}

function discard(upstream: Upstream): void {
  upstream.socket.destroy();
  upstream.release();
}

async function pass(call: Call, upstream: Upstream, route: string): Promise<void> {
  const { asked, caller, request, response, signal, requestId } = call;
  const { socket } = upstream;
  let hasAnswered = false;
  const common = {
    socket,
    method: asked.method,
    url: asked.url,
    headers: upstreamHeaders(request.rawHeaders, {
      ...caller,
      authority: asked.authority,
      name: call.story.name ?? '',
      requestId,
      isChunked: bodyParts(call).isChunked,
      route,
    }),
    response,
    breakOff: () => breakOff(response),
    fields: () => answerFields(call),
    hasEnded: () => upstream.hasEnded(),
    answered: () => {
      hasAnswered = true;
      call.deadline.lift();
    },
    signal,
  };
  let isIdle = false;
  try {
    if (call.upgrade !== undefined) await exchangeUpgrade({ ...common, client: call.upgrade });
    else ({ isIdle } = await exchangeHttp({ ...common, ...bodyParts(call), proceed: () => proceed(call) }));
  } finally {
    const isLate = signal.reason instanceof MinkeError && signal.reason.code === 'REQUEST_TIMEOUT';
    upstream.release({ idle: isIdle, answer: hasAnswered ? 'begun' : isLate ? 'late' : 'none' });
  }
}

const bodyParts = ({ body, request }: Call) => ({
  body,
  isChunked: body !== undefined && request.headers['content-length'] === undefined,
  trailers: () => request.rawTrailers,
});

const isRepeatable = ({ asked, body, request }: Call): boolean =>
  body === undefined &&
  (['GET', 'HEAD', 'OPTIONS', 'TRACE'].includes(asked.method) || request.headers['idempotency-key'] !== undefined);

function failed({ name }: Target, error: unknown): MinkeError {
  if (error instanceof MinkeError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new MinkeError('UPSTREAM_FAILED', { name, reason }, { cause: error });
}
