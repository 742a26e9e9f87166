/** What a function makes of one request; the same for `serve` and for `cgi`, so that a function's kind is its app file's matter. */
export type Handler = (request: FunctionRequest) => FunctionAnswer | Promise<FunctionAnswer>;

export interface FunctionRequest {
  readonly method: string;
  /** Below the function's route, decoded, beginning with "/". */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Names in lower case; a name that was sent more than once has all its values, with a comma between. */
  readonly headers: Readonly<Record<string, string>>;
  /** Aborts when nobody waits for the answer any more. A `cgi` function is ended then and never sees it. */
  readonly signal: AbortSignal;
  /** As it comes. Only one of `body`, `bytes`, `text` and `json` may be asked, once. */
  readonly body: AsyncIterable<Buffer>;
  bytes(): Promise<Buffer>;
  text(): Promise<string>;
  /** Undefined where there is no body. `T` is what the function expects; nothing checks it. Rejects with SyntaxError. */
  json<T = unknown>(): Promise<T | undefined>;
}

/** A bare text is `text/plain`, bytes are `application/octet-stream`, nothing at all is a 204. */
export type FunctionAnswer = undefined | string | Uint8Array | FullAnswer;

export interface FullAnswer {
  /** Default: 200, or 204 where there is nothing to send. */
  readonly status?: number;
  /** A list sends the header once for each. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Sent as it comes where it is a stream. */
  readonly body?: string | Uint8Array | AsyncIterable<string | Uint8Array>;
  /** In place of `body`: sent as JSON. */
  readonly json?: unknown;
}

/** An answer with nothing left open. */
export interface WholeAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | AsyncIterable<string | Uint8Array>;
}

export function requestOf(
  head: Pick<FunctionRequest, 'method' | 'path' | 'query' | 'headers' | 'signal'>,
  body: AsyncIterable<Buffer>,
): FunctionRequest {
  const bytes = async (): Promise<Buffer> => {
    const pieces: Buffer[] = [];
    for await (const piece of body) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  const text = async (): Promise<string> => (await bytes()).toString();
  return {
    ...head,
    body,
    bytes,
    text,
    json: async <T>() => {
      const given = await text();
      return given === '' ? undefined : (JSON.parse(given) as T);
    },
  };
}

export function wholeAnswer(answer: FunctionAnswer): WholeAnswer {
  if (answer === undefined) return whole({ status: 204 }, '', undefined);
  if (typeof answer === 'string') return whole({}, answer, plainText);
  if (answer instanceof Uint8Array) return whole({}, answer, 'application/octet-stream');
  if (answer.json !== undefined) return whole(answer, JSON.stringify(answer.json), 'application/json');
  if (answer.body === undefined) return whole({ status: 204, ...answer }, '', undefined);
  return whole(answer, answer.body, typeof answer.body === 'string' ? plainText : undefined);
}

const plainText = 'text/plain; charset=utf-8';

/** What a handler that threw is answered with: why stands in its log, and is nobody else's business. */
export const failedAnswer = (): WholeAnswer =>
  wholeAnswer({ status: 500, body: 'The function failed; its log says why.\n' });

function whole(
  { status = 200, headers = {} }: FullAnswer,
  body: string | WholeAnswer['body'],
  type: string | undefined,
): WholeAnswer {
  const given = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, value]),
  );
  const has = (name: string): boolean => given.some(([other]) => other.toLowerCase() === name);
  const sent = typeof body === 'string' ? Buffer.from(body) : body;
  const hasLength = sent instanceof Uint8Array && !isBodiless(status) && !has('content-length');
  return {
    status,
    headers: [
      ...(type === undefined || has('content-type') ? [] : [['content-type', type] as const]),
      ...(hasLength ? [['content-length', String(sent.byteLength)] as const] : []),
      ...given,
    ],
    body: sent,
  };
}

/** RFC 9110, 6.4.1: these have no body, and 204 no length either. */
const isBodiless = (status: number): boolean => status < 200 || status === 204 || status === 304;
