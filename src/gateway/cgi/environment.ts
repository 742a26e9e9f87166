import { isIPv6 } from 'node:net';

/** What a request says, in the words of RFC 3875. */
export interface CgiRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  /** Decoded path of the route that led here, "" for the root; SCRIPT_NAME and PATH_INFO together are the path. */
  readonly scriptName: string;
  readonly pathInfo: string;
  readonly query: string;
  readonly httpVersion: string;
  /** Host without port; "" when the client sent none. */
  readonly host: string;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly isEncrypted: boolean;
  /** Names in lower case. */
  readonly headers: NodeJS.Dict<string[]>;
  /** Undefined: no body, or one whose length is not known beforehand; it ends where stdin ends. */
  readonly contentLength: number | undefined;
  readonly requestId: string;
  /** Unix milliseconds. */
  readonly deadlineAt: number | undefined;
  readonly software: string;
}

/**
 * The meta-variables of RFC 3875, 4.1, and the widely used REQUEST_URI and HTTPS. AUTH_TYPE, REMOTE_USER and
 * REMOTE_IDENT are never set, for the gateway authenticates nobody (so Authorization is passed on like any header), and
 * PATH_TRANSLATED is not, for there are no files behind a path.
 */
export function cgiEnvironment(request: CgiRequest): Record<string, string> {
  const { headers, contentLength, deadlineAt } = request;
  const contentType = headers['content-type']?.[0];
  return {
    ...headerVariables(headers),
    GATEWAY_INTERFACE: 'CGI/1.1',
    REQUEST_METHOD: request.method,
    REQUEST_URI: asSent(request.url),
    SCRIPT_NAME: request.scriptName,
    PATH_INFO: request.pathInfo,
    QUERY_STRING: asSent(request.query),
    REMOTE_ADDR: request.remoteAddress,
    REMOTE_HOST: request.remoteAddress,
    SERVER_NAME: serverName(request),
    SERVER_PORT: String(request.localPort),
    SERVER_PROTOCOL: `HTTP/${request.httpVersion}`,
    SERVER_SOFTWARE: request.software,
    HTTP_X_REQUEST_ID: request.requestId,
    ...(request.isEncrypted ? { HTTPS: 'on' } : {}),
    ...(contentType === undefined ? {} : { CONTENT_TYPE: asSent(contentType) }),
    ...(contentLength === undefined ? {} : { CONTENT_LENGTH: String(contentLength) }),
    ...(deadlineAt === undefined ? {} : { MINKE_DEADLINE: String(Math.round(deadlineAt)) }),
  };
}

/**
 * Header fields that never become HTTP_*: those with a variable of their own, those of one connection only, what only a
 * proxy may say, and `Proxy`, which would be taken for the proxy setting of programs (CVE-2016-5385, "httpoxy").
 */
const withheld = new Set([
  'content-type',
  'content-length',
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'proxy',
  'forwarded',
  'x-real-ip',
]);

function headerVariables(headers: NodeJS.Dict<string[]>): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, values = []] of Object.entries(headers)) {
    // Only letters, digits and hyphens: "X_User" would arrive under the same name as "X-User".
    if (withheld.has(name) || name.startsWith('x-forwarded-') || !/^[a-z0-9-]+$/.test(name)) continue;
    variables[`HTTP_${name.toUpperCase().replaceAll('-', '_')}`] = asSent(values.join(name === 'cookie' ? '; ' : ', '));
  }
  return variables;
}

/** IPv6 addresses stand in brackets (RFC 3875, 4.1.14). */
function serverName({ host, localAddress }: CgiRequest): string {
  if (host !== '') return host;
  return isIPv6(localAddress) ? `[${localAddress}]` : localAddress;
}

/** The parser reads bytes as Latin-1; the environment writes UTF-8. Gives the client's bytes where they were UTF-8. */
function asSent(text: string): string {
  if (/^[\t\x20-\x7e]*$/.test(text)) return text;
  const utf8 = Buffer.from(text, 'latin1').toString('utf8');
  return utf8.includes('\ufffd') ? text : utf8;
}
