import type { IncomingMessage } from 'node:http';
import { Transform, type Readable } from 'node:stream';
import { MinkeError } from '../errors/index.ts';

/** The body of a request; undefined = it has none. */
export function bodyOf(
  request: IncomingMessage,
  limitBytes: number,
  abort: (reason: Error) => void,
): Readable | undefined {
  if (!announcesBody(request)) return undefined;
  if (request.headers['transfer-encoding'] === undefined) return request;
  return request.pipe(createMeter(limitBytes, () => abort(tooLarge(limitBytes))));
}

/** By what its head says. */
export const announcesBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** Throws BODY_TOO_LARGE for a length that is known beforehand; a chunked body is counted as it comes. */
export function refuseLargeBody(request: IncomingMessage, limitBytes: number): void {
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge(limitBytes);
}

function createMeter(limitBytes: number, exceeded: () => void): Transform {
  let bytes = 0;
  return new Transform({
    transform: (chunk: Buffer, _, done) => {
      bytes += chunk.length;
      if (bytes <= limitBytes) done(null, chunk);
      // Never calling `done` is what stops the body here.
      else exceeded();
    },
  });
}

export const tooLarge = (limitBytes: number): MinkeError =>
  new MinkeError('BODY_TOO_LARGE', { limit: `${limitBytes} bytes` });
