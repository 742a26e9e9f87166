import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { defaultLimits } from '../../src/gateway/limits.ts';
import { openRaw, readAll } from '../../src/gateway/test/raw-client.ts';
import { startDaemon, type TestDaemon } from '../../test/integration/daemon.ts';
import { fixtureApp } from '../../test/integration/isolation-fixtures.ts';
import type { Figure, Soak, SoakOptions } from './soak.ts';

const kinds = ['web', 'page'];
const pauseMs = 5_000;
/** What a slow reader takes after each pause. */
const sipBytes = 100_000;
/** Between two looks at who stands still, and what a busy machine adds. */
const lateSeconds = 10;

/** The limits of time as they are, which tests shorten. */
export const slow: Soak = {
  about: 'clients that stand still are left when their time is over, and those that are only slow are not',
  run: soakSlow,
};

async function soakSlow({ signal, tell }: SoakOptions): Promise<readonly Figure[]> {
  const daemon = await startDaemon();
  try {
    await daemon.up(fixtureApp('clients'));
    const steadyMs = 1.5 * defaultLimits.stallMs;
    const found = await Promise.all(
      kinds.map(async (kind) => await Promise.all([stalled(daemon, kind), steady(daemon, kind, steadyMs, signal)])),
    );
    return found.flat(2);
  } finally {
    for (const line of await daemon.purge()) tell(`left after purge: ${line}`);
  }
}

async function stalled(daemon: TestDaemon, kind: string): Promise<readonly Figure[]> {
  const [upload, download] = await Promise.all([
    untilClosed(daemon, `POST /${kind}/take HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf`, true),
    untilClosed(daemon, `GET /${kind}/give?bytes=${1024 ** 3} HTTP/1.1\r\nHost: a\r\n\r\n`, false),
  ]);
  if (!upload.text.startsWith('HTTP/1.1 408 ')) throw new Error(`${kind}: the upload got ${upload.text}`);
  const least = defaultLimits.stallMs / 1000;
  return [
    ...between(`${kind}: a standing upload is refused after`, upload.seconds, least),
    ...between(`${kind}: a standing download is ended after`, download.seconds, least),
  ];
}

const between = (what: string, value: number, least: number): readonly Figure[] => [
  { what, value, unit: 's', limit: { op: '>=', value: least } },
  { what: `${what}, not later`, value, unit: 's', limit: { op: '<=', value: least + lateSeconds } },
];

/** Until the daemon has closed the connection; a client that does not read learns of it from the kernel all the same. */
async function untilClosed(
  daemon: TestDaemon,
  request: string,
  isReading: boolean,
): Promise<{ readonly seconds: number; readonly text: string }> {
  const socket = await openRaw(Number(new URL(daemon.gateway).port));
  const begun = performance.now();
  socket.write(request);
  if (isReading) {
    const text = await readAll(socket);
    return { seconds: seconds(begun), text };
  }
  socket.pause();
  const path = request.split(' ')[1];
  while (!(await isOver(daemon, path))) await delay(200);
  socket.destroy();
  return { seconds: seconds(begun), text: '' };
}

async function isOver(daemon: TestDaemon, path: string | undefined): Promise<boolean> {
  for await (const { facts } of daemon.api.lines<{ facts?: { url?: string; error?: string } }>('events', {
    query: { app: 'clients' },
  }))
    if (facts?.url === path && facts?.error === 'CLIENT_STALLED') return true;
  return false;
}

async function steady(
  daemon: TestDaemon,
  kind: string,
  lastingMs: number,
  signal: AbortSignal,
): Promise<readonly Figure[]> {
  const port = Number(new URL(daemon.gateway).port);
  const pieces = Math.ceil(lastingMs / pauseMs);
  const [up, down] = [await openRaw(port), await openRaw(port)];
  const answer = readAll(up);
  up.write(`POST /${kind}/take HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${pieces}\r\n\r\n`);
  down.pause();
  down.write(`GET /${kind}/give?bytes=${1024 ** 3}&slow HTTP/1.1\r\nHost: a\r\n\r\n`);
  for (let piece = 0; piece < pieces; piece += 1) {
    await delay(pauseMs, undefined, { signal });
    up.write('x');
    await sip(down);
  }
  down.destroy();
  if (!(await answer).includes(`{"bytes":${pieces},`)) throw new Error(`${kind}: the upload got ${await answer}`);
  const lasted = (pieces * pauseMs) / 1000;
  const limit = { op: '>=', value: (defaultLimits.stallMs / 1000) * 1.5 } as const;
  return [{ what: `${kind}: a slow upload and a slow download went on for`, value: lasted, unit: 's', limit }];
}

/** Rejects when the daemon has closed it. */
async function sip(socket: Socket): Promise<void> {
  for (let taken = 0; taken < sipBytes;) {
    const bytes = socket.read() as Buffer | null;
    if (bytes !== null) taken += bytes.length;
    else if (socket.readableEnded || socket.destroyed) throw new Error('a slow download was ended');
    else await once(socket, 'readable');
  }
}

const seconds = (since: number): number => Math.round((performance.now() - since) / 100) / 10;
