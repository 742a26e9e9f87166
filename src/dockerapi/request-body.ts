import type { IncomingMessage } from 'node:http';
import { MinkeError, toMinkeError } from '../errors/index.ts';
import type { AskedBody } from './decision.ts';
import { parseJson } from './json.ts';

/** More than any honest body of a function's has; what is larger is refused unread. */
export const functionLimitBytes = 1024 * 1024;
export const operatorLimitBytes = 16 * 1024 * 1024;

/** The body as JSON, however it was sent: with a length, in chunks, or not at all. */
export async function readJsonBody(request: IncomingMessage, limitBytes: number): Promise<AskedBody> {
  if (request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined)
    return { kind: 'none' };
  const bytes = await readBytes(request, limitBytes);
  if (bytes === undefined) return { kind: 'oversized', limitBytes };
  if (bytes.length === 0) return { kind: 'none' };
  try {
    return {
      kind: 'json',
      parsed: parseJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)),
    };
  } catch (error) {
    return { kind: 'malformed', reason: error instanceof MinkeError ? toMinkeError(error).message : 'it is not UTF-8' };
  }
}

async function readBytes(request: IncomingMessage, limitBytes: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let length = 0;
  // Destroying the request would end the connection that is to say why it is refused.
  for await (const piece of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > limitBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
