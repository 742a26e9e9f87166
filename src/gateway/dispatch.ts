import { MinkeError } from '../errors/index.ts';
import type { ServiceKind } from '../model/app.ts';
import { readUrl, type Asked } from './asked.ts';
import { createLaterHandler, laterCall } from './async-call.ts';
import { answerFields, type Call } from './call.ts';
import { createCgiHandler } from './cgi-call.ts';
import type { Handler, HandlerParts } from './handler.ts';
import { createProxyHandler } from './proxy-call.ts';
import type { Match } from './router.ts';
import { createTaskHandler } from './task-call.ts';

/** Where a request goes; throws NO_ROUTE or a like error. */
export type Resolve = (asked: Asked) => Match;

/** Takes a call to what answers it, through as many local redirects as it is allowed. */
export function createDispatch(parts: HandlerParts): (call: Call, resolve: Resolve) => Promise<void> {
  const proxy = createProxyHandler(parts);
  const acceptLater = createLaterHandler(parts);
  const handlers: Readonly<Record<ServiceKind, Handler>> = {
    cgi: createCgiHandler(parts),
    http: proxy,
    service: proxy,
    task: createTaskHandler(parts),
  };

  const follow = async (call: Call, resolve: Resolve, left: number): Promise<void> => {
    const later = laterCall(call);
    if (later !== undefined) {
      refuseOwn(later);
      const match = resolve(later.asked);
      const { app, name, kind } = match.target;
      Object.assign(call.story, { app, name, kind });
      return acceptLater(later, match);
    }
    if (answerOwn(call)) return;
    const match = resolve(call.asked);
    const { app, name, kind } = match.target;
    Object.assign(call.story, { app, name, kind });
    // A run keeps its own time, from the start of each attempt.
    if (kind !== 'task') call.deadline.set(match.target);
    const leave = parts.admission.count(match.target);
    const next = await handlers[kind](call, match).finally(leave);
    if (next === undefined) return;
    if (left === 0)
      throw new MinkeError('CGI_BAD_OUTPUT', {
        name,
        reason: `it redirected more than ${parts.limits.redirects} times`,
      });
    await follow(redirected(call, next), resolve, left - 1);
  };
  return (call, resolve) => follow(call, resolve, parts.limits.redirects);
}

/** As if the client had asked for that path with GET and no body (RFC 3875, 6.2.2). */
function redirected(call: Call, url: string): Call {
  const method = call.asked.method === 'HEAD' ? 'HEAD' : 'GET';
  return { ...call, body: undefined, asked: { ...call.asked, method, ...readUrl(url) } };
}

/**
 * The platform's own paths never reach an app, however they are spelled: an app's server may fold case, doubled slashes,
 * backslashes and path parameters where the gateway does not.
 */
function answerOwn(call: Call): boolean {
  if (!isOwn(call)) return false;
  if (call.asked.path !== '/_minke/health') throw noRoute(call.asked);
  call.response.writeHead(200, [
    'Content-Type',
    'application/json',
    'Cache-Control',
    'no-store',
    ...answerFields(call).flat(),
  ]);
  call.response.end('{"status":"ok"}\n');
  return true;
}

function isOwn({ asked }: Call): boolean {
  const first = asked.path
    .replaceAll('\\', '/')
    .split('/')
    .find((segment) => segment !== '')
    ?.replace(/;.*$/, '')
    .toLowerCase();
  return first === '_minke' || first === '_handoff';
}

function refuseOwn(call: Call): void {
  if (isOwn(call)) throw noRoute(call.asked);
}

export const noRoute = ({ authority, path }: Asked): MinkeError =>
  new MinkeError('NO_ROUTE', { host: authority, path });
