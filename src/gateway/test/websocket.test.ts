import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { closeServers, openBehind, tcp } from './function-server.ts';
import { openRaw, readAll, readUntil, sendRaw } from './raw-client.ts';
import type { Stand } from './stand.ts';

afterEach(closeServers);

const upgrade = [
  'GET /api/ws HTTP/1.1',
  'Host: a',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  '\r\n',
].join('\r\n');

const granted = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

/** A function that speaks WebSocket at /api/..., and the clients that it has. */
async function openSocketServer(serve: (socket: WebSocket, request: IncomingMessage) => void): Promise<Stand> {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket, request) => {
    socket.on('error', () => undefined);
    serve(socket, request);
  });
  return await openBehind(server, { timeoutMs: 2_000 });
}

const echo = (socket: WebSocket): void =>
  void socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));

async function open(stand: Stand, path = '/api/ws'): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${stand.port}${path}`);
  await once(socket, 'open');
  return socket;
}

async function next(socket: WebSocket): Promise<Buffer> {
  const [data] = (await once(socket, 'message')) as [Buffer];
  return data;
}

const closing = async (socket: WebSocket): Promise<unknown> => {
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  return [code, reason.toString()];
};

describe('a WebSocket to an http function', () => {
  it('carries text and bytes both ways, frames of 5 MB among them', async () => {
    await using stand = await openSocketServer(echo);
    const socket = await open(stand);
    socket.send('text \u20ac');
    expect((await next(socket)).toString()).toBe('text \u20ac');
    const bytes = randomBytes(5 * 1024 ** 2);
    socket.send(bytes);
    expect((await next(socket)).equals(bytes)).toBe(true);
    socket.close();
  });

  it('carries a message in fragments, each when it is sent, with pings between them', async () => {
    const pings: string[] = [];
    await using stand = await openSocketServer((socket) => {
      socket.on('ping', (data) => pings.push(data.toString()));
      echo(socket);
    });
    const socket = await open(stand);
    socket.send('one ', { fin: false });
    const ponged = once(socket, 'pong');
    socket.ping('between');
    expect(String((await ponged)[0])).toBe('between');
    socket.send('two', { fin: true });
    expect((await next(socket)).toString()).toBe('one two');
    expect(pings).toEqual(['between']);
    socket.close();
  });

  it('is pinged by the function as well', async () => {
    const { promise: ponged, resolve } = Promise.withResolvers<string>();
    await using stand = await openSocketServer((socket) => {
      socket.on('pong', (data) => resolve(data.toString()));
      socket.ping('are you there');
    });
    const socket = await open(stand);
    expect(await ponged).toBe('are you there');
    socket.close();
  });

  it('is closed by either side with its code and reason', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<unknown>();
    await using stand = await openSocketServer((socket, request) => {
      if (request.url === '/api/bye') socket.close(4001, 'bye');
      else resolve(closing(socket));
    });
    expect(await closing(new WebSocket(`ws://127.0.0.1:${stand.port}/api/bye`))).toEqual([4001, 'bye']);
    const socket = await open(stand);
    const record = stand.nextRecord('api');
    socket.close(4002, 'enough');
    expect(await closed).toEqual([4002, 'enough']);
    expect(await record).toMatchObject({ name: 'api' });
    expect(stand.capacity.leases()).toBe(0);
  });

  it('is one of 20 at once, and its instance is held as long as it is open', async () => {
    await using stand = await openSocketServer(echo);
    const sockets = await Promise.all(Array.from({ length: 20 }, async () => await open(stand)));
    expect(stand.capacity.leases()).toBe(20);
    const answers = sockets.map(async (socket, at) => {
      socket.send(String(at));
      return (await next(socket)).toString();
    });
    expect(await Promise.all(answers)).toEqual(sockets.map((_, at) => String(at)));
    for (const socket of sockets) {
      const record = stand.nextRecord('api');
      socket.close();
      await record;
    }
    expect(stand.capacity.leases()).toBe(0);
  });

  it('outlasts the time-out of its request', async () => {
    await using stand = await openSocketServer((socket) => {
      socket.on('message', () => setTimeout(() => socket.send('late'), 300));
    });
    stand.router.setRoutes('shop', [
      { prefix: '/api', target: { ...stand.router.match('', '/api')!.target, timeoutMs: 100 } },
    ]);
    const socket = await open(stand);
    socket.send('now');
    expect((await next(socket)).toString()).toBe('late');
    socket.close();
  });

  it('breaks when the function does, and the function hears when its client has gone without a word', async () => {
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    await using stand = await openSocketServer((socket, request) => {
      if (request.url === '/api/break') socket.terminate();
      else socket.once('close', () => resolve());
    });
    expect(await closing(await open(stand, '/api/break'))).toEqual([1006, '']);
    const socket = await open(stand);
    const record = stand.nextRecord('api');
    socket.terminate();
    await gone;
    await record;
    expect(stand.capacity.leases()).toBe(0);
  });

  it('that the function denies is answered as the function says, its fields and a large body too', async () => {
    const body = 'no '.repeat(1024 ** 2);
    const server = createServer();
    server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
      const isVersion = request.headers['sec-websocket-version'] !== '13';
      const status = isVersion ? '426 Upgrade Required' : '401 Unauthorized';
      socket.write(
        `HTTP/1.1 ${status}\r\nWWW-Authenticate: Basic\r\nSec-WebSocket-Version: 13\r\nTransfer-Encoding: chunked\r\n\r\n`,
      );
      socket.end(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
    });
    await using stand = await openBehind(server);
    const socket = new WebSocket(`ws://127.0.0.1:${stand.port}/api/ws`);
    const [, answer] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([401, 'Basic']);
    expect((await answer.toArray()).join('')).toBe(body);
    const old = await sendRaw(stand.port, upgrade.replace('Version: 13', 'Version: 7'));
    expect(old).toMatch(/^HTTP\/1\.1 426 Upgrade Required\r\n[^]*Sec-WebSocket-Version: 13\r\n/);
    expect(stand.capacity.leases()).toBe(0);
  });

  it('that the function denies and then breaks off is no whole answer', async () => {
    await using stand = await openBehind(
      tcp((socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\nhalf')),
      ),
    );
    const socket = new WebSocket(`ws://127.0.0.1:${stand.port}/api/ws`);
    const [, answer] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    await expect(answer.toArray()).rejects.toThrow('aborted');
  });

  it('loses nothing of what either side sends right behind its head', async () => {
    await using stand = await openBehind(
      tcp((socket) => {
        socket.once('data', (head) => {
          expect(head.toString()).not.toContain('early');
          socket.write(`${granted}first`);
          socket.on('data', (chunk) => socket.write(chunk));
        });
      }),
    );
    const socket = await openRaw(stand.port);
    socket.write(`${upgrade}early`);
    expect(await readUntil(socket, 'early')).toMatch(/\r\n\r\nfirstearly$/);
    socket.destroy();
  });

  it('goes on in one direction when the other has ended', async () => {
    await using stand = await openBehind(
      createTcpServer({ allowHalfOpen: true }, (socket) => {
        socket.once('data', () => socket.write(granted)).once('end', () => socket.end('the rest'));
      }),
    );
    const socket = await openRaw(stand.port);
    socket.write(upgrade);
    await readUntil(socket, '\r\n\r\n');
    const rest = readAll(socket);
    socket.end();
    expect(await rest).toBe('the rest');
  });

  it('is asked for on another connection when the one that was kept has been closed', async () => {
    const server = createServer((request, response) => {
      response.end('ok', () => request.socket.end());
    });
    new WebSocketServer({ server }).on('connection', echo);
    await using stand = await openBehind(server);
    await (await fetch(`${stand.url}/api`)).text();
    const [kept] = stand.capacity.connections;
    await expect.poll(() => kept?.closed).toBe(true);
    const socket = await open(stand);
    socket.send('hello');
    expect((await next(socket)).toString()).toBe('hello');
    expect(stand.capacity.leases()).toBe(1);
    socket.close();
  });

  it.each([
    ['a request', 'GET /api HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
    ['a WebSocket', upgrade],
  ])('is answered with 502, as %s is, where the answer has a phrase that cannot be passed on', async (_, bytes) => {
    await using stand = await openBehind(
      tcp((socket) => socket.once('data', () => socket.write('HTTP/1.1 403 N\x01o\r\nContent-Length: 0\r\n\r\n'))),
    );
    expect(await sendRaw(stand.port, bytes)).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n[^]*UPSTREAM_FAILED/);
    expect(stand.capacity.leases()).toBe(0);
  });

  it('is not granted by an instance that grants it unasked', async () => {
    await using stand = await openBehind(tcp((socket) => socket.once('data', () => socket.write(granted))));
    const answer = await fetch(`${stand.url}/api`);
    expect([answer.status, (await answer.text()).includes('UPSTREAM_FAILED')]).toEqual([502, true]);
  });
});
