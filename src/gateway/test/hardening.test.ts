import { describe, expect, it } from 'vitest';
import { openRaw, readAll, readUntil, sendRaw } from './raw-client.ts';
import { openStand, type Stand } from './stand.ts';
import type { GatewayLimits } from '../limits.ts';

async function openEcho(limits: Partial<GatewayLimits> = {}): Promise<Stand> {
  const stand = await openStand({ routes: { '/': { name: 'echo', kind: 'cgi' } }, limits });
  stand.capacity.programs.set('echo', String.raw`printf 'Content-Type: text/plain\n\n'; cat`);
  return stand;
}

const smuggled = '0\r\n\r\nGET /secret HTTP/1.1\r\nHost: a\r\n\r\n';

describe('the gateway refuses', () => {
  it.each([
    ['both Content-Length and Transfer-Encoding', `Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n${smuggled}`],
    ['the same the other way round', `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${smuggled}`],
    ['two lengths', `Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde`],
    ['a length with a sign', `Content-Length: +4\r\n\r\nabcd`],
    ['a length in hexadecimal', `Content-Length: 0x4\r\n\r\nabcd`],
    ['an unknown coding', `Transfer-Encoding: xchunked\r\n\r\n${smuggled}`],
    ['a coding before chunked', `Transfer-Encoding: gzip, chunked\r\n\r\n${smuggled}`],
    ['chunked twice', `Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${smuggled}`],
    ['identity', `Transfer-Encoding: identity\r\n\r\n${smuggled}`],
    ['a space before the colon', `Transfer-Encoding : chunked\r\n\r\n${smuggled}`],
    ['a folded line', `X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n${smuggled}`],
    ['a second Host', `Host: b\r\n\r\n`],
    ['a bare carriage return', `X-A: b\rTransfer-Encoding: chunked\r\n\r\n`],
    ['a NUL in a header', `X-A: b\u0000c\r\n\r\n`],
  ])('%s', async (_, rest) => {
    await using stand = await openEcho();
    const answer = await sendRaw(stand.port, `POST /x HTTP/1.1\r\nHost: a\r\n${rest}`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('REQUEST_REFUSED');
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(stand.capacity.started.length).toBe(0);
  });

  it.each([
    ['a bad chunk size', 'zz\r\nabc\r\n0\r\n\r\n'],
    ['a chunk longer than it said', '3\r\nabcdef\r\n0\r\n\r\n'],
    ['a chunk size that ends with a bare newline', '3\nabc\r\n0\r\n\r\n'],
  ])('%s, and no function sees a whole body', async (_, body) => {
    await using stand = await openEcho();
    const answer = await sendRaw(
      stand.port,
      `POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
    );
    expect(answer).not.toContain('200 OK');
    expect(stand.capacity.started.length).toBe(0);
  });

  it.each([
    ['/a/../b', 400],
    ['/a/%2e%2e/b', 400],
    ['/./a', 400],
    ['/a%', 400],
    ['/a%00', 400],
    ['/%ff', 400],
    ['a', 400],
    ['/_handoff/prepare', 404],
    ['/_handoff', 404],
    ['//_handoff/prepare', 404],
    ['/%5fhandoff/prepare', 404],
    ['/_handoff%2fprepare', 404],
    ['/_HandOff/prepare', 404],
    ['/_handoff;x=1/prepare', 404],
    ['/%5c_handoff/prepare', 404],
    ['http://a/_handoff/prepare', 404],
    ['/_minke/async/echo', 404],
    ['/_minke', 404],
  ])('the path %s with %i', async (path, status) => {
    await using stand = await openEcho();
    const answer = await sendRaw(stand.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(answer).toContain(`HTTP/1.1 ${status} `);
    expect(stand.capacity.started.length).toBe(0);
  });

  it('a request without a Host, and one whose Host is no name', async () => {
    await using stand = await openEcho();
    expect(await sendRaw(stand.port, 'GET / HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await sendRaw(stand.port, 'GET / HTTP/1.1\r\nHost: a"b\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('header fields that are too large with 431', async () => {
    await using stand = await openEcho({ headerBytes: 2000 });
    const answer = await sendRaw(stand.port, `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(3000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('a head that comes too slowly with 408', async () => {
    await using stand = await openEcho({ headersTimeoutMs: 50, checkIntervalMs: 20 });
    expect(await sendRaw(stand.port, 'GET / HTTP/1.1\r\nHost: a\r\nX-A: ')).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('a body that comes too slowly, and kills what waits for it', async () => {
    await using stand = await openEcho({ stallMs: 100, checkIntervalMs: 20 });
    const answer = await sendRaw(stand.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    expect(answer).not.toMatch(/\r\n0\r\n/);
    expect((await stand.capacity.started[0]?.exited)?.code).toBe(137);
  });

  it('a body that is too large with 413, whether it says its length or not', async () => {
    await using stand = await openEcho({ bodyBytes: 1000, cgiChunkedBytes: 10 });
    const declared = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n';
    expect(await sendRaw(stand.port, declared)).toMatch(/^HTTP\/1\.1 413 [^]*BODY_TOO_LARGE/);
    expect(stand.capacity.started.length).toBe(0);
    stand.capacity.programs.set('echo', 'cat >/dev/null');
    const chunked = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n${'a'.repeat(1024)}\r\n`;
    expect(await sendRaw(stand.port, chunked)).toMatch(/^HTTP\/1\.1 413 [^]*BODY_TOO_LARGE/);
  });

  it('tunnels and upgrades of clients that reset their connection right behind them', async () => {
    await using stand = await openEcho();
    const heads = [
      'CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\n\r\nCONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    ];
    for (let count = 0; count < 60; count += 1) {
      const socket = await openRaw(stand.port);
      const sent = new Promise((resolve) => socket.write(heads[count % 3] ?? '', resolve));
      await sent;
      socket.resetAndDestroy();
    }
    expect((await fetch(`${stand.url}/_minke/health`)).status).toBe(200);
  });

  it('more connections of one address than it may have', async () => {
    await using stand = await openEcho({ connectionsPerAddress: 2 });
    const one = await openRaw(stand.port);
    const two = await openRaw(stand.port);
    expect(await readAll(await openRaw(stand.port))).toBe('');
    const get = 'GET /_minke/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    for (const socket of [one, two]) {
      socket.write(get);
      expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 /);
    }
    expect(await sendRaw(stand.port, get)).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('the gateway', () => {
  it('is healthy, whatever its apps route', async () => {
    await using stand = await openEcho();
    const answer = await fetch(`${stand.url}/_minke/health`);
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('keeps a connection for one request after another', async () => {
    await using stand = await openEcho();
    const get = 'GET /_minke/health HTTP/1.1\r\nHost: a\r\n';
    const answers = await sendRaw(stand.port, `${get}\r\n${get}\r\n${get}Connection: close\r\n\r\n`);
    expect(answers.match(/200 OK/g)).toHaveLength(3);
  });

  it('keeps nothing of a request on a connection that goes on', async () => {
    await using stand = await openEcho();
    const warnings: string[] = [];
    const warned = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', warned);
    const socket = await openRaw(stand.port);
    for (let count = 0; count < 12; count++) {
      const recorded = stand.nextRecord();
      const answered = readUntil(socket, '\r\n0\r\n\r\n');
      socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx`);
      await Promise.all([answered, recorded]);
    }
    socket.destroy();
    process.off('warning', warned);
    expect(warnings).toEqual([]);
  });

  it('says 404 where nothing answers, in JSON to programs and as a page to browsers', async () => {
    await using stand = await openStand({ routes: { '/a': { name: 'a', kind: 'cgi' } } });
    const json = await fetch(`${stand.url}/b`);
    expect([json.status, json.headers.get('content-type')]).toEqual([404, 'application/json']);
    expect(await json.json()).toMatchObject({ error: { code: 'NO_ROUTE' } });
    const page = await fetch(`${stand.url}/<b>`, { headers: { Accept: 'text/html,*/*;q=0.8' } });
    expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    expect(await page.text()).toContain('NO_ROUTE');
  });

  it('tells its log what failed inside it, and the client no more than where to look', async () => {
    await using stand = await openStand({ routes: { '/a': { name: 'a', kind: 'cgi' } } });
    stand.capacity.startCgi = async () => {
      throw new TypeError('secret detail of /var/lib');
    };
    const answer = await fetch(`${stand.url}/a`);
    const text = await answer.text();
    expect(answer.status).toBe(500);
    expect(text).not.toMatch(/secret|var\/lib|\.ts/);
    expect(text).toContain(answer.headers.get('x-request-id'));
    expect(stand.logLines.join('')).toContain('secret detail');
  });

  it('lets calls end when it is closed, and takes no new ones', async () => {
    await using stand = await openStand({ routes: { '/': { name: 'slow', kind: 'cgi' } } });
    stand.capacity.programs.set('slow', String.raw`printf 'Content-Type: text/plain\n\n'; sleep 0.3; echo whole`);
    const idle = await openRaw(stand.port);
    const begun = stand.capacity.nextStart();
    const answer = fetch(stand.url);
    await begun;
    const closed = stand.gateway.close();
    expect(await readAll(idle)).toBe('');
    await expect(fetch(stand.url)).rejects.toThrow('fetch failed');
    expect(await (await answer).text()).toBe('whole\n');
    await closed;
  });

  it('ends calls that outlast the grace of its closing', async () => {
    await using stand = await openStand({ routes: { '/': { name: 'slow', kind: 'cgi' } } });
    stand.capacity.programs.set('slow', 'sleep 60');
    const begun = stand.capacity.nextStart();
    const answer = fetch(stand.url);
    await begun;
    const [settled] = await Promise.allSettled([answer, stand.gateway.close({ graceMs: 20 })]);
    expect(settled.status).toBe('rejected');
    expect((await stand.capacity.started[0]?.exited)?.code).toBe(137);
  });
});
