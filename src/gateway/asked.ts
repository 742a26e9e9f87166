import type { IncomingMessage } from 'node:http';
import { MinkeError } from '../errors/index.ts';
import { announcesBody } from './body.ts';

/** What a request asks for, read once and never again from the raw head. */
export interface Asked {
  readonly method: string;
  /** As sent, in lower case, with its port; "" when an HTTP/1.0 client sent none. */
  readonly authority: string;
  /** `authority` without the port and a final dot: what routes are matched with. */
  readonly host: string;
  /** Path and query as sent. */
  readonly url: string;
  /** Percent-decoded path. */
  readonly path: string;
  /** Without the "?", as sent; "" when there is none. */
  readonly query: string;
}

/** Throws REQUEST_REFUSED for all that two readers could understand in two ways. */
export function readAsked(request: IncomingMessage): Asked {
  refuseAmbiguousFraming(request);
  refuseOtherExpectations(request);
  refuseHalfWebSocket(request);
  const { authority, url } = splitTarget(request);
  return { method: request.method ?? 'GET', ...readAuthority(authority), ...readUrl(url) };
}

/** Stands in until the request has been read, or when it cannot be. */
export const unread = ({ method, url, headers }: IncomingMessage): Asked => ({
  method: method ?? 'GET',
  authority: headers.host ?? '',
  url: url ?? '/',
  host: '',
  path: '',
  query: '',
});

/** The part that a local redirect changes. */
export function readUrl(url: string): Pick<Asked, 'url' | 'path' | 'query'> {
  const mark = url.indexOf('?');
  const path = decodePath(mark === -1 ? url : url.slice(0, mark));
  return { url, path, query: mark === -1 ? '' : url.slice(mark + 1) };
}

/** Most of this is refused by Node's parser already; what is said here must hold whatever parser there is. */
function refuseAmbiguousFraming(request: IncomingMessage): void {
  const { headersDistinct, httpVersion, method = '' } = request;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') throw refused('it is neither HTTP/1.1 nor HTTP/1.0');
  const encoding = headersDistinct['transfer-encoding'];
  if (encoding !== undefined) {
    if (headersDistinct['content-length'] !== undefined)
      throw refused('it has both Content-Length and Transfer-Encoding');
    if (encoding.join(',').trim().toLowerCase() !== 'chunked') throw refused('its Transfer-Encoding is not "chunked"');
    if (httpVersion === '1.0') throw refused('HTTP/1.0 knows no Transfer-Encoding');
  }
  if (httpVersion === '1.0' && bodiless.has(method) && announcesBody(request))
    throw refused(`${method} has no body in HTTP/1.0`);
  if ((headersDistinct['host']?.length ?? 0) > 1) throw refused('it has more than one Host');
}

/** Old servers take no body from these, and would find a request in it. */
const bodiless: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE']);

/** It can only fail (RFC 6455, 4.2.1), and whoever reads it may take what follows for either protocol. */
function refuseHalfWebSocket(request: IncomingMessage): void {
  const { headers } = request;
  const isAsked = headers.upgrade?.toLowerCase() === 'websocket' && !announcesBody(request);
  if (isAsked && headers['sec-websocket-key'] === undefined) throw refused('it asks for a WebSocket without a key');
}

/** There is but one (RFC 9110, 10.1.1), and a client that waits for another would wait in vain. */
function refuseOtherExpectations({ headers }: IncomingMessage): void {
  if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue')
    throw refused('its Expect is not "100-continue"');
}

/**
 * A proxy-style target (`GET http://host/path`) must be understood. Its host wins over another Host (RFC 9112, 3.2.2), of which the
 * function would have to be told nothing; nobody honest sends two.
 */
function splitTarget(request: IncomingMessage): { authority: string; url: string } {
  const target = request.url ?? '/';
  if (target.startsWith('/')) return { authority: request.headers.host ?? '', url: target };
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target);
  if (absolute === null) throw refused('its target is neither a path nor an address');
  const [, authority = '', rest = ''] = absolute;
  const { host } = request.headers;
  if (host !== undefined && host.toLowerCase() !== authority.toLowerCase())
    throw refused('its Host is not that of its target');
  return { authority, url: rest.startsWith('/') ? rest : `/${rest}` };
}

function readAuthority(text: string): Pick<Asked, 'authority' | 'host'> {
  const authority = text.toLowerCase();
  const parts = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]*?)\.?(?::\d{1,5})?$/.exec(authority);
  if (parts === null) throw refused('its Host is not a host name');
  return { authority, host: parts[1] ?? '' };
}

function decodePath(raw: string): string {
  const path = raw.includes('%') ? decode(raw) : raw;
  if (path.includes('\0')) throw refused('its path has a NUL character');
  // A dot segment would let a path mean one thing to the route table and another to the function behind it.
  if (path.includes('/.') && path.split('/').some((segment) => segment === '.' || segment === '..')) {
    throw refused('its path has a "." or ".." segment');
  }
  return path;
}

function decode(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch (error) {
    throw refused('its path has a bad percent-escape', error);
  }
}

const refused = (reason: string, cause?: unknown): MinkeError =>
  new MinkeError('REQUEST_REFUSED', { reason }, { cause });
