import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';

export interface Hijack {
  /** Whether the client's bytes can come; without, the input is empty. */
  readonly hasInput: boolean;
  /** Takes the connection over for a stream of this content type. */
  take(contentType: string): HijackedConnection;
}

export interface HijackedConnection {
  readonly output: Writable;
  /** The client's bytes until it half-closes. It must be read: only a reader learns that the client has gone. */
  readonly input: AsyncIterable<Buffer>;
  readonly gone: AbortSignal;
  /** After the last byte of output. */
  end(): void;
}

/** How long a client may keep its half open after the end of the output, in milliseconds. */
const lingerMs = 10_000;

/** The client sent `Upgrade: tcp`: from here on the socket is the stream, in both directions. */
export const hijackSocket = (request: IncomingMessage, socket: Socket, head: Buffer): Hijack => ({
  hasInput: true,
  take(contentType) {
    socket.write(
      `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
    );
    if (head.length > 0) socket.unshift(head);
    return {
      output: socket,
      // dockerode sends its options as a body before the stream begins.
      input: without(Number(request.headers['content-length'] ?? 0), socket.iterator({ destroyOnReturn: false })),
      gone: closed(socket),
      end() {
        socket.end();
        socket.setTimeout(lingerMs, () => socket.destroy());
      },
    };
  },
});

/**
 * No Upgrade was sent: the answer's body is the output and its end the connection's. Input can come as a chunked body only,
 * since Node reads what follows a request as the next one.
 */
export function hijackResponse(request: IncomingMessage, response: ServerResponse): Hijack {
  const hasInput = request.headers['transfer-encoding'] !== undefined;
  return {
    hasInput,
    take(contentType) {
      response.useChunkedEncodingByDefault = false;
      response.writeHead(200, { 'Content-Type': contentType, Connection: 'close' });
      response.flushHeaders();
      return {
        output: response,
        input: hasInput ? request.iterator({ destroyOnReturn: false }) : nothing(),
        gone: closed(response),
        end: () => void response.end(),
      };
    },
  };
}

async function* without(count: number, chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let left = count;
  for await (const chunk of chunks) {
    const rest = chunk.subarray(left);
    left -= chunk.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}

async function* nothing(): AsyncIterable<Buffer> {
  // A request without a body has no input.
}

function closed(stream: Writable): AbortSignal {
  const gone = new AbortController();
  if (stream.destroyed) gone.abort();
  stream.once('close', () => gone.abort());
  return gone.signal;
}
