import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';

/** The parts of examples/voting as plain processes: no engine, no daemon. */

const example = join(import.meta.dirname, '..', '..', 'examples', 'voting');

export interface CgiRequest {
  readonly method?: string;
  readonly path?: string;
  readonly cookie?: string;
  readonly body?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface CgiResponse {
  readonly status: number;
  readonly cookies: readonly string[];
  readonly body: string;
}

/** One request to `vote` or `result`, with the environment that RFC 3875 gives it. */
export async function callCgi(program: 'vote' | 'result', request: CgiRequest): Promise<CgiResponse> {
  const { method = 'GET', path = '', cookie = '', body = '', env = {} } = request;
  const child = spawn(process.execPath, [`${program}.ts`], {
    cwd: join(example, program),
    env: {
      REQUEST_METHOD: method,
      PATH_INFO: path,
      SCRIPT_NAME: `/${program}`,
      HTTP_COOKIE: cookie,
      ...(body === '' ? {} : { CONTENT_LENGTH: String(Buffer.byteLength(body)) }),
      ...env,
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  // Left open after the body: a CGI program may not count on an end of file.
  child.stdin.on('error', () => undefined).write(body);
  const output = (await buffer(child.stdout)).toString();
  child.stdin.end();
  const headEnd = output.indexOf('\r\n\r\n');
  const head = output.slice(0, headEnd).split('\r\n');
  const valuesOf = (name: string): string[] =>
    head.filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
  return {
    status: Number.parseInt(valuesOf('Status')[0] ?? '', 10),
    cookies: valuesOf('Set-Cookie'),
    body: output.slice(headEnd + 4),
  };
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Recording {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export function startRecordVote(args: readonly string[], env: Readonly<Record<string, string>>): Recording {
  const child = spawn(join(example, 'record-vote', 'record-vote.sh'), args, {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const whenEnded = once(child, 'close') as Promise<[number | null]>;
  const ended = Promise.all([whenEnded, text(child.stdout), text(child.stderr)]);
  return { child, ended: ended.then(([[code], stdout, stderr]) => ({ code, stdout, stderr })) };
}

export interface Database {
  /** For libpq and `pg`. */
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  /** Resolves to the exit code, null when a signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

export async function startDatabase(folder: string): Promise<Database> {
  const port = await freePort();
  const child = spawn(process.execPath, ['db.ts'], {
    cwd: join(example, 'db'),
    env: { PGDATA: folder, PGPORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  for await (const chunk of child.stdout) if (String(chunk).includes('ready')) break;
  return {
    env: databaseEnv(port),
    port,
    end: async (signal) => {
      child.kill(signal);
      return (await exited)[0];
    },
  };
}

export const databaseEnv = (port: number): Readonly<Record<string, string>> => ({
  PGHOST: '127.0.0.1',
  PGPORT: String(port),
  PGUSER: 'postgres',
  PGDATABASE: 'postgres',
});

export interface Door {
  /** For a Docker client. */
  readonly env: Readonly<Record<string, string>>;
  /** The body of each `create`, as the client sent it. */
  readonly created: readonly { readonly Image: string; readonly Cmd: string[]; readonly Env: string[] }[];
  /** One for each `start`. */
  readonly recordings: readonly Recording[];
  close(): void;
}

/** Answers the two calls of the Docker API that start a container, and starts the real script. */
export async function openDoor(path: string, database: Readonly<Record<string, string>>): Promise<Door> {
  const created: Door['created'][number][] = [];
  const recordings: Recording[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    const started = created[Number(/containers\/(\d+)\/start/.exec(request.url ?? '')?.[1]) - 1];
    if (request.url?.includes('/containers/create') === true) {
      created.push(JSON.parse(body) as Door['created'][number]);
      response
        .writeHead(201, { 'content-type': 'application/json' })
        .end(JSON.stringify({ Id: String(created.length) }));
    } else if (started === undefined) {
      response.writeHead(404).end();
    } else {
      const env = Object.fromEntries(started.Env.map((entry) => entry.split('=') as [string, string]));
      recordings.push(startRecordVote(started.Cmd, { ...database, ...env }));
      response.writeHead(204).end();
    }
  };
  const server = createHttpServer((request, response) => void answer(request, response));
  await listen(server, path);
  return { env: { DOCKER_HOST: `unix://${path}` }, created, recordings, close: () => void server.close() };
}

async function listen(server: Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, 'listening');
}

/** Nobody listens there at the time of asking. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
