import type { IncomingMessage, ServerResponse } from 'node:http';
import { prefix } from '../../api/routes.ts';
import type { Caller } from '../../dockerapi/containers.ts';
import { MinkeError, toMinkeError } from '../../errors/index.ts';
import type { Log } from '../../observe/log.ts';
import { sendError, type ApiCall } from './call.ts';
import type { Desk } from './desk.ts';
import { doorRoutes, handlers } from './handlers.ts';
import { matchApi } from './match.ts';

/** Whether a request is for minke's own API; everything else on a socket of ours is the Docker API. */
export const isOurs = (request: IncomingMessage): boolean => {
  const url = request.url ?? '';
  return url === prefix || url.startsWith(`${prefix}/`) || url.startsWith(`${prefix}?`);
};

/** Answers one request to minke's own API. Never rejects. */
export async function serveApi(
  desk: Desk,
  log: Log,
  request: IncomingMessage,
  response: ServerResponse,
  caller: Caller,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new Error('the client has gone'));
  });
  try {
    const { route, parameters, query } = find(request, caller);
    const call: ApiCall = { route, parameters, query, caller, request, response, gone: gone.signal };
    await handlers[route](desk, call);
  } catch (error) {
    if (gone.signal.aborted) return;
    const known = toMinkeError(error);
    if (known.code === 'INTERNAL')
      log.error('A call of the API failed', { method: request.method, url: request.url, error });
    sendError(response, known);
  }
}

function find(request: IncomingMessage, caller: Caller): Pick<ApiCall, 'route' | 'parameters' | 'query'> {
  const { method = '' } = request;
  const [path = '', search = ''] = (request.url ?? '').split('?', 2);
  const match = matchApi(method, path);
  if (match === undefined) throw new MinkeError('NOT_FOUND', { method, path });
  if (caller.door === 'function' && !doorRoutes.has(match.route)) {
    throw new MinkeError('POLICY_REFUSED', { field: 'path', reason: `a function may not call ${method} ${path}` });
  }
  return { ...match, query: new URLSearchParams(search) };
}
