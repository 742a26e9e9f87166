/** Header fields as they are sent: several lines of one name stay several. */
export type Headers = Record<string, string | string[]>;

export interface Origin {
  readonly address: string;
  /** Host as the client sent it, with its port; "" when it sent none. */
  readonly authority: string;
  /** Stands in for it: HTTP/1.0 knows requests without one, the instance is asked in HTTP/1.1. */
  readonly name: string;
  readonly isEncrypted: boolean;
  readonly requestId: string;
  /** Only a body in chunks has trailers behind it. */
  readonly isChunked: boolean;
  /** Prefix of the path that led to the function; "/" where its name did. */
  readonly route: string;
}

/** Belongs to one connection and is not passed on (RFC 9110, 7.6.1); what Connection names joins it. */
const hopByHop: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'transfer-encoding',
  'te',
  'upgrade',
];

/** Said by proxies only; from outside it is not believed. */
const forwarding: readonly string[] = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-server',
  'x-real-ip',
  'minke-route',
  // Programs take it for the address of their own proxy.
  'proxy',
];

/** Framing, routing, and what is decided by before a body is read. */
const headerOnly: ReadonlySet<string> = new Set([
  ...hopByHop,
  ...forwarding,
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'content-range',
  'trailer',
  'expect',
  'authorization',
  'cookie',
  'set-cookie',
  'x-request-id',
  'idempotency-key',
]);

/** What the instance is sent. Framing is the caller's: Content-Length stays, a chunked body is to be announced anew. */
export function upstreamHeaders(raw: readonly string[], origin: Origin): Headers {
  const { address, authority, name, isEncrypted, isChunked, requestId, route } = origin;
  const scheme = isEncrypted ? 'https' : 'http';
  const wantsTrailers = /\btrailers\b/i.test(valueOf(raw, 'te') ?? '');
  return {
    ...withoutNames(raw, [...forwarding, 'x-request-id', ...(isChunked ? [] : ['trailer'])]),
    ...(valueOf(raw, 'host') === undefined ? { Host: name } : {}),
    ...(wantsTrailers ? { TE: 'trailers' } : {}),
    'X-Request-Id': requestId,
    // Not X-Forwarded-Prefix: that says what was taken off the path, and nothing was.
    'Minke-Route': route,
    'X-Forwarded-For': address,
    'X-Forwarded-Proto': scheme,
    ...(authority === '' ? {} : { 'X-Forwarded-Host': authority }),
    Forwarded: `for=${node(address)};proto=${scheme}${authority === '' ? '' : `;host="${authority}"`}`,
  };
}

/**
 * Trailers that are passed on: a function may merge them with the header, so that none says what only a header may (RFC 9110, 6.5.1).
 */
export function passedTrailers(raw: readonly string[]): [name: string, value: string][] {
  return pairs(raw).filter(([name]) => !headerOnly.has(spelled(name)));
}

/** What the client is sent of the instance's answer, less the names that the gateway sets itself. */
export function clientHeaders(raw: readonly string[], taken: readonly string[]): string[] {
  const dropped = droppedNames(raw, taken);
  return pairs(raw)
    .filter(([name]) => !dropped.has(name.toLowerCase()))
    .flat();
}

/** Name, value, name, value as they are written to a socket. */
export const headerLines = (flat: readonly string[]): string =>
  flat.map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join('');

function withoutNames(raw: readonly string[], names: readonly string[]): Headers {
  const dropped = droppedNames(raw, names);
  const headers: Headers = {};
  const spelling = new Map<string, string>();
  for (const [name, value] of pairs(raw)) {
    const key = name.toLowerCase();
    if (dropped.has(key) || isDisguised(key, dropped)) continue;
    const known = spelling.get(key) ?? name;
    spelling.set(key, known);
    const before = headers[known];
    headers[known] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}

function droppedNames(raw: readonly string[], names: readonly string[]): ReadonlySet<string> {
  const named = pairs(raw)
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.toLowerCase().split(','))
    .map((name) => name.trim())
    // Framing and host are never a matter of one connection, whatever Connection says.
    .filter((name) => name !== 'content-length' && name !== 'host');
  return new Set([...hopByHop, ...names.map((name) => name.toLowerCase()), ...named]);
}

/** Programs that see a header as CGI does take `X_Forwarded_For` for `X-Forwarded-For`. */
const isDisguised = (key: string, dropped: ReadonlySet<string>): boolean =>
  key.includes('_') && (dropped.has(spelled(key)) || headerOnly.has(spelled(key)));

const spelled = (name: string): string => name.toLowerCase().replaceAll('_', '-');

function pairs(raw: readonly string[]): [name: string, value: string][] {
  const all: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) all.push([raw[at] ?? '', raw[at + 1] ?? '']);
  return all;
}

const valueOf = (raw: readonly string[], wanted: string): string | undefined =>
  pairs(raw).find(([name]) => name.toLowerCase() === wanted)?.[1];

/** IPv6 stands in brackets and quotes (RFC 7239, 6). */
const node = (address: string): string => (address.includes(':') ? `"[${address}]"` : address);
