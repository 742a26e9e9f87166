import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import type { TimelineEvent } from '../model/timeline.ts';
import { systemClock } from '../observe/clock.ts';
import { silentLog } from '../observe/log.ts';
import type { Network, Networks } from './networks.ts';
import type { Volume, Volumes } from './volumes.ts';
import { createDockerApi, type DockerApi } from './docker-api.ts';
import type { Caller, FunctionCaller, HostFacts } from './containers.ts';
import { createNamedImages, createProcessContainers, type ProcessContainers } from './process-containers.fixture.ts';

/** A Docker API on real sockets: the operator's door, and one door for each of two functions. */
export interface Doors {
  readonly api: DockerApi;
  readonly containers: ProcessContainers;
  readonly audit: TimelineEvent[];
  readonly operator: string;
  readonly vote: string;
  readonly stranger: string;
  readonly caller: FunctionCaller;
  close(): Promise<void>;
}

const facts: HostFacts = {
  version: '0.1.0',
  id: 'test',
  hostname: 'host',
  dataFolder: tmpdir(),
  kernel: '6.0',
  cpus: 2,
  memoryBytes: 1e9,
  engine: 'processes',
  hasTerminals: false,
};

const functionCaller = (name: string, digit: string, mayRun: string[]): FunctionCaller => ({
  door: 'function',
  app: 'voting',
  name,
  instance: digit.repeat(64),
  mayRun,
});

export async function openDoors(): Promise<Doors> {
  const folder = await mkdtemp(join(tmpdir(), 'minke-door-'));
  const images = createNamedImages('img:latest', 'acme/record:latest', 'acme/secret:latest', 'acme/twins:latest');
  const containers = createProcessContainers(images, [
    { name: 'record', image: 'acme/record' },
    { name: 'secret', image: 'acme/secret' },
    { name: 'twin-a', image: 'acme/twins' },
    { name: 'twin-b', image: 'acme/twins' },
  ]);
  const audit: TimelineEvent[] = [];
  const record = (event: TimelineEvent): void => void audit.push(event);
  const api = createDockerApi({
    containers,
    engine: containers.engine,
    volumes: createNamedVolumes(),
    networks: createNamedNetworks(),
    images,
    info: async () => facts,
    clock: systemClock,
    log: silentLog,
    record,
  });
  const caller = functionCaller('vote', 'a', ['record', 'twin-a', 'twin-b']);
  const callers: Caller[] = [{ door: 'operator' }, caller, functionCaller('stranger', 'b', ['record'])];
  const servers = await Promise.all(callers.map((one, index) => listen(api, one, join(folder, `${index}.sock`))));
  const [operator = '', vote = '', stranger = ''] = callers.map((_, index) => join(folder, `${index}.sock`));
  return {
    api,
    containers,
    audit,
    operator,
    vote,
    stranger,
    caller,
    async close() {
      api.close();
      await containers.endAll();
      for (const server of servers) server.closeAllConnections();
      await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
      await rm(folder, { recursive: true });
    },
  };
}

async function listen(api: DockerApi, caller: Caller, path: string): Promise<Server> {
  const server = createServer(
    { shouldUpgradeCallback: (request) => api.wantsUpgrade(request) },
    (request, response) => void api.handle(request, response, caller),
  );
  server.on('upgrade', (request, socket, head) => void api.upgrade(request, socket as never, head, caller));
  await once(server.listen(path), 'listening');
  return server;
}

export interface Sent {
  readonly method?: string;
  readonly path: string;
  /** As it is, byte for byte. */
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Without a length, in pieces. */
  readonly isChunked?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly json: unknown;
}

/** One request, with the path as it is written: no client tidies it up. */
export async function send(
  socketPath: string,
  { method = 'GET', path, body, headers, isChunked = false }: Sent,
): Promise<Answer> {
  const bytes = Buffer.from(body ?? '');
  const length = isChunked || body === undefined ? {} : { 'Content-Length': String(bytes.length) };
  const request = httpRequest({ socketPath, method, path, agent: false, headers: { ...length, ...headers } });
  // A server that refuses may answer before it has read everything.
  request.on('error', () => undefined);
  if (isChunked) for (let at = 0; at < bytes.length; at += 65_536) request.write(bytes.subarray(at, at + 65_536));
  else if (body !== undefined) request.write(bytes);
  request.end();
  const [response] = await once(request, 'response');
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece);
  const text = Buffer.concat(pieces).toString();
  return { status: response.statusCode, headers: response.headers, text, json: jsonOf(text) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Volumes by name only. */
function createNamedVolumes(): Volumes {
  const volumes = new Map<string, Volume>();
  return {
    list: async () => [...volumes.values()],
    find: async (name) => volumes.get(name),
    async create(name, labels) {
      const volume = volumes.get(name) ?? { name, path: `/no/such/folder/${name}`, createdAt: 0, labels };
      volumes.set(name, volume);
      return volume;
    },
    remove: async (name) => void volumes.delete(name),
    ofApps: () => new Set(),
  };
}

function createNamedNetworks(): Networks {
  const networks = new Map<string, Network>();
  return {
    list: () => [...networks.values()],
    find: (reference) => networks.get(reference),
    create(asked) {
      const network = { ...asked, id: 'e'.repeat(64), createdAt: 0 };
      networks.set(asked.name, network);
      return network;
    },
    remove: (name) => void networks.delete(name),
  };
}
