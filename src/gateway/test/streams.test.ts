import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { closeServers, openApi, openBehind, tcp, textOf } from './function-server.ts';
import { openRaw, readAll, readUntil, sendRaw } from './raw-client.ts';
import { openStand, type Stand } from './stand.ts';

afterEach(closeServers);

async function openPage(program: string): Promise<Stand> {
  const stand = await openStand({ routes: { '/page': { name: 'page', kind: 'cgi' } } });
  stand.capacity.programs.set('page', program);
  return stand;
}

/** Says each line of its input back as an event. */
const events = String.raw`printf 'Content-Type: text/event-stream\n\n'; while read line; do printf 'data: %s\n\n' "$line"; done`;

describe('events', () => {
  it('of an http function arrive one by one, and it hears when their reader has gone', async () => {
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    let send: ((text: string) => void) | undefined;
    await using stand = await openApi((_, response) => {
      response.once('close', resolve);
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
      send = (text) => response.write(`data: ${text}\n\n`);
    });
    const socket = await openRaw(stand.port);
    socket.write('GET /api HTTP/1.1\r\nHost: a\r\n\r\n');
    await readUntil(socket, 'text/event-stream');
    for (const text of ['one', 'two', 'three']) {
      const seen = readUntil(socket, '\n\n');
      send?.(text);
      expect(await seen).toContain(`data: ${text}\n\n`);
    }
    const record = stand.nextRecord('api');
    socket.destroy();
    await gone;
    expect(await record).toMatchObject({ status: 499 });
  });

  it('of a cgi function arrive one by one, each before the next line of its input, and it is killed when their reader has gone', async () => {
    await using stand = await openPage(events);
    const socket = await openRaw(stand.port);
    socket.write('POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n');
    for (const text of ['one', 'two', 'three']) {
      const seen = readUntil(socket, `data: ${text}\n\n`);
      socket.write(`${text}\n`);
      await seen;
    }
    socket.destroy();
    expect((await stand.capacity.started[0]?.exited)?.code).toBe(137);
  });
});

describe('bodies of both sides at once', () => {
  it('go through to an http function and back chunk by chunk', async () => {
    await using stand = await openApi((request, response) => {
      response.writeHead(200).flushHeaders();
      request.pipe(response);
    });
    const call = httpRequest(`${stand.url}/api`, { method: 'POST' });
    call.flushHeaders();
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    for (const text of ['one', 'two', 'three']) {
      const came = once(answer, 'data');
      call.write(text);
      expect(String((await came)[0])).toBe(text);
    }
    call.end();
    await once(answer.resume(), 'end');
    expect(stand.capacity.leases()).toBe(0);
  });

  it('of 2 MB each, while neither side waits for the end of the other', async () => {
    await using stand = await openApi((request, response) => void request.pipe(response));
    const call = httpRequest(`${stand.url}/api`, { method: 'POST' });
    const text = 'abcdefgh'.repeat(256 * 1024);
    call.end(text);
    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    expect((await textOf(answer)) === text).toBe(true);
  });
});

describe('what is said before an answer', () => {
  const hinting = tcpHint('Link: </a.css>; rel=preload, </b.js>; rel=preload\r\nX-Hop: 1\r\nConnection: X-Hop\r\n');

  it('103 Early Hints are passed on with their fields, and the answer after them', async () => {
    await using stand = await openBehind(hinting());
    const text = await sendRaw(stand.port, 'GET /api HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(text).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload, <\/b\.js>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok$/,
    );
  });

  it('nothing is said to a client of HTTP/1.0, which knows no such answers', async () => {
    await using stand = await openBehind(hinting());
    expect(await sendRaw(stand.port, 'GET /api HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('a flood of it takes no memory: a client that does not read misses some', async () => {
    let written = 0;
    await using stand = await openBehind(
      tcp((socket) => {
        const hint = `HTTP/1.1 103 Early Hints\r\nLink: <${'a'.repeat(8000)}>\r\n\r\n`;
        const flood = (): void => {
          for (; written < 4000; written += 1) if (!socket.write(hint)) break;
          if (written < 4000) socket.once('drain', flood);
          else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        };
        socket.once('data', flood);
      }),
    );
    const socket = await openRaw(stand.port);
    socket.pause().write('GET /api HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await expect.poll(() => written, { timeout: 20_000 }).toBe(4000);
    const text = await readAll(socket.resume());
    expect(text).toMatch(/\r\n\r\nok$/);
    expect(text.match(/ 103 /g)?.length).toBeLessThan(4000);
  });

  it('100 Continue is said once, by the function, before it has the body', async () => {
    const server = createServer((_, response) => response.end());
    server.on('checkContinue', (request: IncomingMessage, response) => {
      response.writeContinue();
      request.pipe(response);
    });
    await using stand = await openBehind(server);
    const socket = await openRaw(stand.port);
    socket.write(
      'POST /api HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
    );
    await readUntil(socket, 'HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('4\r\nbody\r\n0\r\n\r\n');
    const rest = await readAll(socket);
    expect(rest).toMatch(/^HTTP\/1\.1 200 /);
    expect(rest).toContain('body');
  });
});

describe('an answer without a body', () => {
  it.each([204, 304])('%i of an http function ends with its head, and the connection goes on', async (status) => {
    await using stand = await openApi((request, response) => {
      if (request.url === '/api/none') response.writeHead(status, { ETag: '"1"' }).end();
      else response.end('next');
    });
    const text = await sendRaw(
      stand.port,
      'GET /api/none HTTP/1.1\r\nHost: a\r\n\r\nGET /api HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    );
    const [head = '', second = ''] = text.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(head).toContain('ETag: "1"');
    expect(head).not.toMatch(/transfer-encoding/i);
    expect(second).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('HEAD of a function that would answer in chunks says so, and sends none', async () => {
    await using stand = await openApi((_, response) => {
      response.write('a');
      response.end('b');
    });
    const text = await sendRaw(
      stand.port,
      'HEAD /api HTTP/1.1\r\nHost: a\r\n\r\nGET /api HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    );
    expect(text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    expect(text.split('\r\n\r\n')[1]).toMatch(/^HTTP\/1\.1 200 OK/);
  });
});

describe('clients', () => {
  it('of HTTP/1.0 get no chunks: the answer ends with its connection', async () => {
    await using stand = await openApi((_, response) => {
      response.write('in ');
      response.end('pieces');
    });
    const text = await sendRaw(stand.port, 'GET /api HTTP/1.0\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).not.toMatch(/transfer-encoding/i);
    expect(text).toMatch(/\r\n\r\nin pieces$/);
  });

  it('that send ten requests ahead get ten answers in their order, though the later ones would be quicker', async () => {
    await using stand = await openApi((request, response) => {
      const at = Number(request.url?.slice('/api/'.length));
      setTimeout(() => response.end(`answer ${at};`), 5 * (10 - at));
    });
    const requests = Array.from({ length: 10 }, (_, at) => {
      const isLast = at === 9;
      return `GET /api/${at} HTTP/1.1\r\nHost: a\r\n${isLast ? 'Connection: close\r\n' : ''}\r\n`;
    });
    const text = await sendRaw(stand.port, requests.join(''));
    expect([...text.matchAll(/answer (\d);/g)].map(([, at]) => Number(at))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe('trailers', () => {
  it.each([
    ['behind a length', 'GET', '1.1'],
    ['for HEAD', 'HEAD', '1.1'],
    ['for HTTP/1.0', 'GET', '1.0'],
  ])('that an instance announces %s are none, and the answer is passed on', async (_, method, version) => {
    await using stand = await openBehind(
      tcp((socket) =>
        socket.once('data', () => {
          const body = method === 'HEAD' || version === '1.0' ? 'Transfer-Encoding: chunked' : 'Content-Length: 2';
          const bytes = method === 'HEAD' ? '' : version === '1.0' ? '2\r\nok\r\n0\r\nX-End: 1\r\n\r\n' : 'ok';
          socket.write(`HTTP/1.1 200 OK\r\nTrailer: X-End\r\n${body}\r\n\r\n${bytes}`);
        }),
      ),
    );
    const text = await sendRaw(stand.port, `${method} /api HTTP/${version}\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).not.toMatch(/trailer|x-end/i);
    expect(text.split('\r\n\r\n')[1]).toBe(method === 'HEAD' ? '' : 'ok');
  });

  it('are passed on both ways, but for those that only a header may say', async () => {
    await using stand = await openApi(async (request, response) => {
      await textOf(request);
      response.writeHead(200, { Trailer: 'X-Seen' });
      response.write('body');
      response.addTrailers({ 'X-Seen': JSON.stringify(request.trailers), 'Set-Cookie': 'a=b' });
      response.end();
    });
    const text = await sendRaw(
      stand.port,
      'POST /api HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 7\r\nAuthorization: x\r\nX_Real_IP: 6.6.6.6\r\n\r\n',
    );
    expect(text).toMatch(/\r\n0\r\nX-Seen: \{"x-sum":"7"\}\r\n\r\n$/);
  });
});

/** Hints with these fields, and then an answer. */
function tcpHint(fields: string) {
  return () =>
    tcp((socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 103 Early Hints\r\n${fields}\r\n`);
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      });
    });
}
