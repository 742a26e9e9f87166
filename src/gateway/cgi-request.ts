import type { Call } from './call.ts';
import type { CgiRequest } from './cgi/environment.ts';
import type { Match } from './router.ts';

/** The call in the words that a CGI environment is made of; the route is stripped off the path here. */
export function fieldsOfCgi(
  { asked, caller, request, requestId, deadline }: Call,
  { prefix }: Match,
  contentLength: number | undefined,
  software: string,
): CgiRequest {
  const scriptName = prefix === '/' ? '' : prefix;
  return {
    method: asked.method,
    url: asked.url,
    scriptName,
    pathInfo: asked.path.slice(scriptName.length),
    query: asked.query,
    httpVersion: request.httpVersion,
    host: asked.host,
    ...caller,
    remoteAddress: caller.address,
    headers: request.headersDistinct,
    contentLength,
    requestId,
    deadlineAt: deadline.at(),
    software,
  };
}
