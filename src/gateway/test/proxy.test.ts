import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { openRaw, readAll, readUntil, sendRaw } from './raw-client.ts';
import { closeServers, openApi, openBehind, tcp, textOf } from './function-server.ts';
import { openStand } from './stand.ts';

afterEach(closeServers);

interface Failure {
  readonly error: { readonly code: string };
}

describe('an http function', () => {
  it('DR-9 gets method, path, query, headers and body as they came, and its answer goes back so', async () => {
    await using stand = await openApi(async (request, response) => {
      const body = await textOf(request);
      response.writeHead(
        201,
        'Made',
        [
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
          ['X-Seen', `${request.method} ${request.url} ${String(request.headers['x-a'])}`],
        ].flat(),
      );
      response.end(body.toUpperCase());
    });
    const answer = await fetch(`${stand.url}/api/%61//x?q=%20`, {
      method: 'PUT',
      headers: { 'X-A': 'b' },
      body: 'body',
    });
    expect([answer.status, answer.statusText, await answer.text()]).toEqual([201, 'Made', 'BODY']);
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(answer.headers.get('x-seen')).toBe('PUT /api/%61//x?q=%20 b');
    expect(stand.capacity.leases()).toBe(0);
  });

  it('is told who asks by the gateway and by nobody else, and nothing that concerned one connection only', async () => {
    await using stand = await openApi((request, response) => response.end(JSON.stringify(request.headers)));
    const text = [
      'GET /api HTTP/1.1',
      'Host: shop.example:8080',
      'X-Forwarded-For: 6.6.6.6',
      'X-Forwarded-Host: evil',
      'Forwarded: for=6.6.6.6',
      'X-Real-IP: 6.6.6.6',
      'Proxy: http://evil',
      'Connection: close, X-Hop',
      'X-Hop: 1',
      'Keep-Alive: timeout=9',
      'Proxy-Authorization: Basic eDp5',
      'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      '\r\n',
    ].join('\r\n');
    const answer = await sendRaw(stand.port, text);
    const seen = JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1)) as Record<string, string>;
    expect(JSON.stringify(seen)).not.toMatch(/6\.6\.6\.6|evil|x-hop|timeout=9|Basic/);
    expect(seen).toMatchObject({
      host: 'shop.example:8080',
      connection: 'keep-alive',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'shop.example:8080',
      'x-forwarded-proto': 'http',
      forwarded: 'for=127.0.0.1;proto=http;host="shop.example:8080"',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    expect(answer).toContain(`X-Request-Id: ${seen['x-request-id']}`);
  });

  it('keeps its connection for the next request', async () => {
    await using stand = await openApi((_, response) => response.end('ok'));
    for (let at = 0; at < 20; at += 1) expect(await (await fetch(`${stand.url}/api`)).text()).toBe('ok');
    expect(stand.capacity.connections).toHaveLength(1);
  });

  it('streams events as they come, long after its deadline', async () => {
    let next: (() => void) | undefined;
    await using stand = await openApi(
      (_, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.flushHeaders();
        next = () => response.write('data: 1\n\n');
      },
      { timeoutMs: 200 },
    );
    const begun = performance.now();
    const answer = await fetch(`${stand.url}/api`);
    const reader = answer.body?.getReader();
    do {
      next?.();
      expect(Buffer.from((await reader?.read())?.value ?? '').toString()).toContain('data: 1');
    } while (performance.now() - begun < 400);
    await reader?.cancel();
  });

  it('passes trailers on, both ways', async () => {
    await using stand = await openApi(async (request, response) => {
      await textOf(request);
      response.writeHead(200, { Trailer: 'X-End' });
      response.write('body');
      response.addTrailers({ 'X-End': `got ${request.trailers['x-sum']}` });
      response.end();
    });
    const call = httpRequest(`${stand.url}/api`, {
      method: 'POST',
      headers: { Trailer: 'X-Sum', 'Transfer-Encoding': 'chunked' },
    });
    call.write('body');
    call.addTrailers({ 'X-Sum': '7' });
    call.end();
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    await textOf(answer);
    expect(answer.trailers).toEqual({ 'x-end': 'got 7' });
  });

  it('answers HEAD and ranges itself', async () => {
    await using stand = await openApi((request, response) => {
      response.writeHead(request.headers.range === undefined ? 200 : 206, {
        'Content-Length': '4',
        'X-Range': request.headers.range ?? '',
      });
      response.end(request.method === 'HEAD' ? undefined : 'body');
    });
    const head = await fetch(`${stand.url}/api`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '4', '']);
    const part = await fetch(`${stand.url}/api`, { headers: { Range: 'bytes=0-3' } });
    expect([part.status, part.headers.get('x-range')]).toEqual([206, 'bytes=0-3']);
  });

  it('decides itself whether it wants a body that the client holds back', async () => {
    const server = createServer((_, response) => response.end());
    server.on('checkContinue', (request: IncomingMessage, response) => {
      if (request.url === '/api/no') response.writeHead(403).end('no');
      else {
        response.writeContinue();
        request.pipe(response);
      }
    });
    await using stand = await openBehind(server);
    const head = (path: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n`;
    const socket = await openRaw(stand.port);
    socket.write(head('/api/yes'));
    await readUntil(socket, 'HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('body');
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 [^]*body/);
    const refused = await sendRaw(stand.port, head('/api/no'));
    expect(refused).toMatch(/^HTTP\/1\.1 403 /);
    expect(refused).not.toContain('100 Continue');
  });

  it('is a 502 when it breaks off before its answer, and breaks the connection when it does so within', async () => {
    await using stand = await openBehind(
      tcp((socket) => {
        socket.once('data', (head) => {
          if (head.includes('GET /api/torn')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
          socket.end();
        });
      }),
    );
    const none = await fetch(`${stand.url}/api`, { method: 'POST', body: 'x' });
    expect([none.status, ((await none.json()) as Failure).error.code]).toEqual([502, 'UPSTREAM_FAILED']);
    const torn = await fetch(`${stand.url}/api/torn`);
    const record = stand.nextRecord();
    await expect(torn.text()).rejects.toThrow('terminated');
    expect(await record).toMatchObject({ status: 200, error: 'UPSTREAM_FAILED' });
    expect(stand.capacity.leases()).toBe(0);
  });

  it('is a 502 when what it says is not HTTP', async () => {
    await using stand = await openBehind(tcp((socket) => socket.end('hello\n')));
    expect((await fetch(`${stand.url}/api`)).status).toBe(502);
  });

  it('is asked again once on another connection, when the request may be repeated', async () => {
    let connections = 0;
    await using stand = await openBehind(
      tcp((socket) => {
        connections += 1;
        const isFirst = connections % 2 === 1;
        socket.once('data', () =>
          isFirst ? socket.destroy() : socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'),
        );
      }),
    );
    const statusOf = async (options: RequestInit): Promise<number> => (await fetch(`${stand.url}/api`, options)).status;
    expect(await statusOf({})).toBe(200);
    expect(connections).toBe(2);
    expect(await statusOf({ method: 'POST', headers: { 'Idempotency-Key': 'k' } })).toBe(200);
    expect(connections).toBe(4);
    expect(await statusOf({ method: 'POST' })).toBe(502);
    expect(connections).toBe(5);
  });

  it('has until its deadline to begin its answer', async () => {
    await using stand = await openApi(() => undefined, { timeoutMs: 100 });
    const answer = await fetch(`${stand.url}/api`);
    expect([answer.status, ((await answer.json()) as Failure).error.code]).toEqual([504, 'REQUEST_TIMEOUT']);
    expect(stand.capacity.leases()).toBe(0);
  });

  it('sees its connection closed when the client has gone', async () => {
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    await using stand = await openApi((_, response) => {
      response.once('close', resolve);
      arrive();
    });
    const socket = await openRaw(stand.port);
    socket.write('GET /api HTTP/1.1\r\nHost: a\r\n\r\n');
    await arrived;
    const record = stand.nextRecord();
    socket.destroy();
    await gone;
    expect((await record).status).toBe(499);
  });

  it('is not run ahead of by a client, nor runs ahead of one', async () => {
    const bytes = 64 * 1024 ** 2;
    let read = 0;
    await using stand = await openApi(async (request, response) => {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        read += chunk.length;
        await new Promise(setImmediate);
      }
      response.end('taken');
    });
    const call = httpRequest(`${stand.url}/api`, { method: 'POST', headers: { 'Content-Length': String(bytes) } });
    const answered = once(call, 'response') as Promise<[IncomingMessage]>;
    let mostAhead = 0;
    for (let sent = 0; sent < bytes; sent += 65_536) {
      if (!call.write(Buffer.alloc(65_536))) await once(call, 'drain');
      mostAhead = Math.max(mostAhead, sent - read);
    }
    call.end();
    expect(await textOf((await answered)[0])).toBe('taken');
    expect(mostAhead).toBeLessThan(24 * 1024 ** 2);
  });

  it('is asked on another connection when it has closed the one that was kept', async () => {
    let served: Socket | undefined;
    await using stand = await openApi((request, response) => {
      served = request.socket;
      response.end('ok');
    });
    expect(await (await fetch(`${stand.url}/api`)).text()).toBe('ok');
    const [kept] = stand.capacity.connections;
    served?.end();
    if (kept !== undefined && !kept.closed) await once(kept, 'close');
    expect(await (await fetch(`${stand.url}/api`)).text()).toBe('ok');
    expect(stand.capacity.connections).toHaveLength(2);
  });

  it('is a 503 while there is no instance', async () => {
    await using stand = await openStand({ routes: { '/api': { name: 'api', kind: 'http' } } });
    const answer = await fetch(`${stand.url}/api`);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
  });

  it('may speak WebSocket', async () => {
    const server = createServer();
    server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
      socket.on('error', () => undefined);
      if (request.url !== '/api/ws') socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
      else {
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\nhello ',
        );
        socket.pipe(socket);
      }
    });
    await using stand = await openBehind(server, { timeoutMs: 2_000 });
    const head = (path: string): string =>
      `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n`;
    const socket = await openRaw(stand.port);
    socket.write(head('/api/ws'));
    expect(await readUntil(socket, 'hello ')).toMatch(
      /^HTTP\/1\.1 101 Switching Protocols\r\n[^]*Sec-WebSocket-Accept: x\r\n/,
    );
    expect(stand.capacity.leases()).toBe(1);
    const record = stand.nextRecord('api');
    socket.write('and back');
    await readUntil(socket, 'and back');
    socket.end();
    expect(await record).toMatchObject({ name: 'api' });
    expect(stand.capacity.leases()).toBe(0);
    expect(await sendRaw(stand.port, head('/api/other'))).toMatch(/^HTTP\/1\.1 403 Forbidden[^]*no$/);
    expect(await sendRaw(stand.port, head('/nothing'))).toMatch(/^HTTP\/1\.1 404 [^]*NO_ROUTE/);
  });

  it('serves a client that would rather speak HTTP/2 in HTTP/1.1', async () => {
    await using stand = await openApi((request, response) => response.end(String(request.headers.upgrade)));
    const text =
      'GET /api HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n';
    expect(await sendRaw(stand.port, text)).toMatch(/^HTTP\/1\.1 200 [^]*undefined/);
  });
});
