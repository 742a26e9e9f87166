/** A header block as a CGI program writes it, read into what it asks the server to do (RFC 3875, 6). */
export type CgiHead =
  | { readonly kind: 'document'; readonly document: CgiDocument }
  /** `Location: /path` and nothing else: the server answers as if that path had been asked for. */
  | { readonly kind: 'local-redirect'; readonly url: string }
  | { readonly kind: 'bad'; readonly reason: string };

export interface CgiDocument {
  readonly status: number;
  readonly reasonPhrase: string | undefined;
  readonly headers: readonly Field[];
  readonly hasContentType: boolean;
  /** Bytes of the body, when the program says so. */
  readonly contentLength: number | undefined;
}

export type Field = readonly [name: string, value: string];

/** Where the body begins; undefined while the empty line has not come. `from`: everything before it was looked at. */
export function findHeadEnd(bytes: Buffer, from = 0): number | undefined {
  for (let at = bytes.indexOf(10, from); at !== -1; at = bytes.indexOf(10, at + 1)) {
    const isEmptyLine =
      at === 0 || bytes[at - 1] === 10 || (bytes[at - 1] === 13 && (at === 1 || bytes[at - 2] === 10));
    if (isEmptyLine) return at + 1;
  }
  return undefined;
}

/** `block` is everything up to and with the empty line. */
export function readCgiHead(block: Buffer): CgiHead {
  const fields: Field[] = [];
  for (const line of block.toString('latin1').split(/\r?\n/)) {
    if (line === '') continue;
    const field = readField(line);
    if (typeof field === 'string') return bad(field);
    fields.push(field);
  }
  return interpret(fields);
}

/** The first bytes of something that is not CGI, safe to show. */
export function quote(bytes: Buffer): string {
  const shown = JSON.stringify(bytes.subarray(0, 60).toString('utf8'));
  const safe = shown.replace(/[\x7f-\x9f\u200b-\u202e\u2066-\u2069]/g, '?');
  return bytes.length > 60 ? `${safe}...` : safe;
}

const bad = (reason: string): CgiHead => ({ kind: 'bad', reason });

function readField(line: string): Field | string {
  if (/^HTTP\/\d/.test(line))
    return `it wrote a status line, ${quote(Buffer.from(line))}; CGI has "Status: 200 OK" instead`;
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(colon, 0));
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) return `${quote(Buffer.from(line, 'latin1'))} is not a header line`;
  const value = line.slice(colon + 1).trim();
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) return `the header "${name}" has a control character`;
  return [name, value];
}

function interpret(fields: readonly Field[]): CgiHead {
  const known = new Map<string, string>();
  for (const [name, value] of fields) {
    const key = name.toLowerCase();
    if (!singular.has(key)) continue;
    if (known.has(key)) return bad(`it wrote the header "${name}" twice`);
    known.set(key, value);
  }
  const status = readStatus(known.get('status'));
  if (typeof status === 'string') return bad(status);
  const contentLength = known.get('content-length');
  if (contentLength !== undefined && !/^\d{1,15}$/.test(contentLength))
    return bad('its Content-Length is not a number');
  return route(fields, known, status);
}

const singular = new Set(['status', 'location', 'content-type', 'content-length']);

function readStatus(value: string | undefined): { code: number; phrase: string | undefined } | undefined | string {
  if (value === undefined) return undefined;
  const parts = /^([2-5]\d\d)(?:[ \t]+(.*))?$/.exec(value);
  if (parts === null) return `"Status: ${value.slice(0, 40)}" is not a status from 200 to 599`;
  return { code: Number(parts[1]), phrase: parts[2] };
}

/** Chooses among the four responses of RFC 3875, 6.2. */
function route(
  fields: readonly Field[],
  known: ReadonlyMap<string, string>,
  status: { code: number; phrase: string | undefined } | undefined,
): CgiHead {
  const location = known.get('location');
  if (location === undefined && status === undefined && !known.has('content-type')) {
    return bad('its head has none of Content-Type, Location and Status');
  }
  const isLocal = location?.startsWith('/') === true && !location.startsWith('//');
  // With other fields (a cookie, say) it goes to the client, so that they are not lost.
  if (isLocal && fields.length === 1) return { kind: 'local-redirect', url: location.replace(/#.*$/, '') };
  if (location !== undefined && status === undefined && !isLocal && !/^[a-z][a-z0-9+.-]*:/i.test(location)) {
    return bad('its Location is neither a path nor an address');
  }
  return {
    kind: 'document',
    document: toDocument(fields, known, status ?? { code: location === undefined ? 200 : 302, phrase: undefined }),
  };
}

function toDocument(
  fields: readonly Field[],
  known: ReadonlyMap<string, string>,
  status: { code: number; phrase: string | undefined },
): CgiDocument {
  const length = known.get('content-length');
  return {
    status: status.code,
    reasonPhrase: status.phrase === '' ? undefined : status.phrase,
    headers: fields.filter(([name]) => !serverOwned.has(name.toLowerCase())),
    hasContentType: known.has('content-type'),
    contentLength: length === undefined || status.code === 204 || status.code === 304 ? undefined : Number(length),
  };
}

/** What concerns the connection is the server's, and so is the length, which is checked against the body. */
const serverOwned = new Set([
  'status',
  'content-length',
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
]);
