import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { LogChunk } from '../../engines/engine.ts';
import type { InstanceExit } from '../../model/instance.ts';
import { systemClock } from '../../observe/clock.ts';
import { lastLinesOf, waitReady, type ReadyMeans } from './readiness.ts';

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});

describe('readiness', () => {
  const running = new Promise<InstanceExit>(() => undefined);

  it('is reached when the port accepts, after refusals too', async () => {
    const port = await freePort();
    let attempts = 0;
    const means: ReadyMeans = {
      clock: systemClock,
      connect: async (address, number) => {
        attempts += 1;
        if (attempts === 3) await listen(port);
        return tcpConnect(address, number);
      },
    };
    await waitReady({ name: 'db', instance: { address: '127.0.0.1', exited: running }, port }, means);
    expect(attempts).toBe(3);
  });

  it('is reached at once by a service without ports', async () => {
    const means = { clock: systemClock, connect: () => Promise.reject(new Error('nobody is to be asked')) };
    const subject = { name: 'worker', instance: { address: '127.0.0.1', exited: running }, port: undefined };
    await expect(waitReady(subject, means)).resolves.toBeUndefined();
  });

  it('is missed when time is up, and the error carries the last lines', async () => {
    const port = await freePort();
    const means = { clock: systemClock, connect: tcpConnect, limitMs: 50, lastLines: async () => ['one', 'two'] };
    const waiting = waitReady({ name: 'db', instance: { address: '127.0.0.1', exited: running }, port }, means);
    await expect(waiting).rejects.toMatchObject({
      code: 'INSTANCE_START_TIMEOUT',
      facts: { name: 'db', seconds: 0.05, log: 'one\ntwo' },
    });
  });

  it('is missed at once when the instance ends', async () => {
    const port = await freePort();
    const exited = Promise.resolve<InstanceExit>({ code: 3, cause: 'exited', at: 0 });
    const waiting = waitReady(
      { name: 'db', instance: { address: '127.0.0.1', exited }, port },
      { clock: systemClock, connect: tcpConnect, lastLines: async () => ['no disk'] },
    );
    await expect(waiting).rejects.toMatchObject({
      code: 'INSTANCE_START_FAILED',
      message: 'Cannot start "db": it ended with exit code 3 before it was ready: no disk',
    });
  });

  it('is given up on abort', async () => {
    const abort = new AbortController();
    const means: ReadyMeans = {
      clock: systemClock,
      signal: abort.signal,
      connect: async (_address, _port, signal) => {
        abort.abort(new Error('not needed'));
        signal.throwIfAborted();
        return Promise.reject(new Error('unreachable'));
      },
    };
    const waiting = waitReady({ name: 'db', instance: { address: '127.0.0.1', exited: running }, port: 1 }, means);
    await expect(waiting).rejects.toThrow('not needed');
  });
});

describe('the last lines of a log', () => {
  it('are whole lines, also across chunks', async () => {
    expect(await lastLinesOf(chunks('one\ntw', 'o\n\nthree\n'), 2)).toEqual(['two', 'three']);
  });

  it('of a long log are found without keeping it', async () => {
    expect(await lastLinesOf(chunks('x'.repeat(1024 * 1024), '\nlast\n'), 1)).toEqual(['last']);
  });
});

async function* chunks(...texts: readonly string[]): AsyncIterable<LogChunk> {
  for (const text of texts) yield { stream: 'stderr', at: 0, bytes: Buffer.from(text) };
}

async function tcpConnect(address: string, port: number): Promise<Socket> {
  const socket = connect({ host: address, port });
  await once(socket, 'connect');
  return socket;
}

async function listen(port: number): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  servers.push(server);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A port where nobody listens: it was free a moment ago. */
async function freePort(): Promise<number> {
  const port = await listen(0);
  const server = servers.pop();
  server?.close();
  if (server !== undefined) await once(server, 'close');
  return port;
}
