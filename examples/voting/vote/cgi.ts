// What RFC 3875 says of a CGI program: the request is in the environment and on stdin, the answer goes to stdout.

export interface CgiAnswer {
  readonly status: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Exactly CONTENT_LENGTH bytes of stdin: whether an end of file follows is not said. Undefined = more than `limitBytes`. */
export async function readBody(limitBytes: number): Promise<string | undefined> {
  const length = Number(process.env.CONTENT_LENGTH ?? 0);
  if (length > limitBytes) return undefined;
  const chunks: Buffer[] = [];
  let received = 0;
  if (length > 0) {
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      received += chunk.length;
      if (received >= length) break;
    }
  }
  return Buffer.concat(chunks).subarray(0, length).toString();
}

export function readCookies(): ReadonlyMap<string, string> {
  const pairs = (process.env.HTTP_COOKIE ?? '').split(';').map((pair) => pair.trim().split('='));
  return new Map(pairs.map(([name = '', ...value]) => [name, value.join('=')]));
}

export function sendAnswer({ status, headers, body }: CgiAnswer): void {
  const head = [['Status', status], ...headers].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  process.stdout.write(`${head}\r\n${body}`);
}
