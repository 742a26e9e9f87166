import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real registry (Debian's docker-registry) on loopback, with data of its own. */
export interface Registry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  close(): Promise<void>;
}

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** `auth`: that part of its configuration; `files` lie in its folder, FOLDER in the configuration. */
export interface RegistryAuth {
  readonly auth: object;
  readonly files: Readonly<Record<string, string>>;
}

/** With a password file, as `htpasswd -B` makes it. */
export function passwordAuth({ username, password }: Login): RegistryAuth {
  const salt = '$2y$04$abcdefghijklmnopqrstuu';
  const hash = execFileSync('perl', ['-e', 'print crypt($ARGV[0], $ARGV[1])', password, salt], { encoding: 'utf8' });
  return {
    auth: { htpasswd: { realm: 'test', path: 'FOLDER/htpasswd' } },
    files: { htpasswd: `${username}:${hash}\n` },
  };
}

export async function startRegistry({ auth, files = {} }: Partial<RegistryAuth> = {}): Promise<Registry> {
  const folder = mkdtempSync(join(tmpdir(), 'minke-registry-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const port = await freePort();
  const config = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: `127.0.0.1:${port}` },
    ...(auth === undefined ? {} : { auth }),
  };
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(config).replaceAll('FOLDER', folder));
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' });
  const host = `127.0.0.1:${port}`;
  await answering(host, child);
  return {
    host,
    close: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What stands between minke and a registry, and does to an answer what the test wants. */
export interface Meddler {
  readonly host: string;
  /** Paths asked for, with the Range where there was one. */
  readonly asked: string[];
  /** Called for each request; answers whether it has answered by itself. */
  meddle: (request: IncomingMessage, response: ServerResponse, pass: Pass) => void;
  close(): Promise<void>;
}

/** Fetches the registry's own answer. */
export type Pass = () => Promise<{ readonly incoming: IncomingMessage; readonly bytes: Buffer }>;

export async function startMeddler(registry: Pick<Registry, 'host'>): Promise<Meddler> {
  const asked: string[] = [];
  const server = createServer((incoming, response) => {
    asked.push([incoming.url, incoming.headers.range].filter((part) => part !== undefined).join(' '));
    response.on('error', () => undefined);
    meddler.meddle(incoming, response, async () => await fetchFrom(registry.host, incoming));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const meddler: Meddler = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    meddle: (_, response, pass) => void passOn(response, pass),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return meddler;
}

export async function passOn(response: ServerResponse, pass: Pass): Promise<void> {
  const { incoming, bytes } = await pass();
  response.writeHead(incoming.statusCode ?? 500, incoming.headers);
  response.end(bytes);
}

async function fetchFrom(host: string, incoming: IncomingMessage): ReturnType<Pass> {
  const headers = { ...incoming.headers, host };
  const outgoing = request(`http://${host}${incoming.url}`, { method: incoming.method ?? 'GET', headers }).end();
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { incoming: answer, bytes: Buffer.concat(await answer.toArray()) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function answering(host: string, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the registry ended with ${child.exitCode}`);
    try {
      const outgoing = request(`http://${host}/v2/`).end();
      const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
      answer.destroy();
      return;
    } catch {
      await once(child, 'exit', { signal: AbortSignal.timeout(50) }).catch(() => undefined);
    }
  }
}
