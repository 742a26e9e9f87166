import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { MinkeError } from '../../../errors/index.ts';
import { http } from '../../../linux/node-http.ts';

/**
 * The Docker Engine API over its Unix socket. Not by a library: the one that is kept brings a dozen packages for transports that
 * are not used here, and what matters most, a hijacked connection that can be closed in one direction, is a matter of Node's own.
 */
export interface DockerClient {
  readonly socketPath: string;
  /** The body of the answer, read as JSON; undefined where it is empty. Rejects with DockerRefusal, or DOCKER_UNREACHABLE. */
  call<T = unknown>(request: DockerRequest): Promise<T>;
  /** The answer as a stream, which the caller reads or destroys. */
  open(request: DockerRequest): Promise<IncomingMessage>;
  /** A raw connection, as the engine gives one for streams (its API, "Attach to a container"). */
  hijack(request: DockerRequest): Promise<Socket>;
}

export interface DockerRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Without the version. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** An archive as a stream; anything else is sent as JSON. */
  readonly body?: object;
  readonly signal?: AbortSignal;
}

/** The engine answered, and said no. */
export class DockerRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const isRefusal = (error: unknown, ...statuses: readonly number[]): boolean =>
  error instanceof DockerRefusal && statuses.includes(error.status);

/** What an engine must speak at least, and the newest that is spoken here: engines drop the oldest ones. */
const [oldest, newest] = [1.41, 1.44];

/** Finds out which version the engine at a socket speaks. @throws DOCKER_UNREACHABLE, NOT_SUPPORTED */
export async function connectDocker(socketPath: string): Promise<DockerClient> {
  const ping = await send(socketPath, { method: 'GET', path: '/_ping' });
  ping.resume();
  const offered = Number(ping.headers['api-version'] ?? 0);
  if (offered < oldest) {
    const reason = `the engine at ${socketPath} speaks version ${offered} of the API, and ${oldest} is needed`;
    throw new MinkeError('NOT_SUPPORTED', { what: 'This Docker Engine', reason });
  }
  const prefix = `/v${Math.min(offered, newest)}`;
  const versioned = (request: DockerRequest): DockerRequest => ({ ...request, path: prefix + request.path });
  return {
    socketPath,
    call: async <T>(request: DockerRequest) => {
      const body = await text(await sendChecked(socketPath, versioned(request)));
      return (body.startsWith('{') || body.startsWith('[') ? JSON.parse(body) : undefined) as T;
    },
    open: async (request) => await sendChecked(socketPath, versioned(request)),
    hijack: async (request) => await hijack(socketPath, versioned(request)),
  };
}

async function sendChecked(socketPath: string, request: DockerRequest): Promise<IncomingMessage> {
  const answer = await send(socketPath, request);
  if ((answer.statusCode ?? 500) < 400) return answer;
  throw await refusalOf(answer);
}

async function refusalOf(answer: IncomingMessage): Promise<DockerRefusal> {
  const body = await text(answer);
  return new DockerRefusal(answer.statusCode ?? 500, messageIn(body) ?? body.trim());
}

function messageIn(body: string): string | undefined {
  try {
    return (JSON.parse(body) as { readonly message?: string }).message;
  } catch {
    return undefined;
  }
}

async function send(socketPath: string, request: DockerRequest): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    const sent = ask(socketPath, request, {});
    sent.once('response', resolve);
    sent.once('error', (error) => reject(unreachable(socketPath, request, error)));
    const { body } = request;
    if (body instanceof Readable) {
      body.once('error', (error) => sent.destroy(error));
      body.pipe(sent);
    } else sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function hijack(socketPath: string, request: DockerRequest): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const sent = ask(socketPath, request, { connection: 'Upgrade', upgrade: 'tcp' });
    sent.once('upgrade', (_, socket, head) => {
      // A peer that has gone is the end of the stream and no failure.
      socket.on('error', () => socket.destroy());
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    sent.once('response', (answer) => void refusalOf(answer).then(reject, reject));
    sent.once('error', (error) => reject(unreachable(socketPath, request, error)));
    sent.end(request.body === undefined ? undefined : JSON.stringify(request.body));
  });
}

function ask(
  socketPath: string,
  { method, path, query = {}, body, signal }: DockerRequest,
  headers: Readonly<Record<string, string>>,
) {
  const search = new URLSearchParams(query).toString();
  const type = body instanceof Readable ? 'application/x-tar' : 'application/json';
  return http.request({
    method,
    path: search === '' ? path : `${path}?${search}`,
    headers: { host: 'docker', ...(body === undefined ? {} : { 'content-type': type }), ...headers },
    // Half-open, so that the end of what we send is not the end of what we get.
    createConnection: () => connect({ path: socketPath, allowHalfOpen: true }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** An abort stays what it is. */
function unreachable(socket: string, { signal }: DockerRequest, error: Error): unknown {
  if (signal?.aborted === true) return signal.reason;
  return new MinkeError('DOCKER_UNREACHABLE', { socket, reason: error.message }, { cause: error });
}
