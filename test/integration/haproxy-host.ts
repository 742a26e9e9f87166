import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real HAProxy as a plain reverse proxy, as Debian ships it. */
export interface Haproxy extends AsyncDisposable {
  /** One socket for each backend, in their order. */
  readonly sockets: readonly string[];
}

/** `ports` of the backends on loopback; `idleMs`: what it waits for bytes of a client. */
export async function startHaproxy(ports: readonly number[], idleMs: number): Promise<Haproxy> {
  const folder = mkdtempSync(join(tmpdir(), 'minke-haproxy-'));
  const sockets = ports.map((_, at) => join(folder, `${at}.sock`));
  const config = join(folder, 'haproxy.cfg');
  writeFileSync(config, configOf(ports, sockets, idleMs));
  const child = spawn('haproxy', ['-db', '-f', config], {
    env: { PATH: `${process.env['PATH']}:/usr/sbin` },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`HAProxy has ended: ${said}`)));
  ended.catch(() => undefined);
  await Promise.race([ended, untilAnswering(sockets.at(-1) ?? '')]);
  return {
    sockets,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended.catch(() => undefined);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const configOf = (ports: readonly number[], sockets: readonly string[], idleMs: number): string =>
  [
    'defaults',
    '  mode http',
    ...['client', 'http-request', 'http-keep-alive'].map((what) => `  timeout ${what} ${idleMs}`),
    '  timeout connect 5s',
    `  timeout server ${idleMs * 2}`,
    '  retries 0',
    ...ports.map((port, at) => `listen l${at}\n  bind unix@${sockets[at]}\n  server s 127.0.0.1:${port}`),
    '',
  ].join('\n');

async function untilAnswering(path: string): Promise<void> {
  for (;;) {
    const socket = connect({ path });
    const isThere = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isThere) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
