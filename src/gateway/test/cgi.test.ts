import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import { openRaw, readAll, readUntil, sendRaw } from './raw-client.ts';
import { openStand, type Stand, type StandOptions } from './stand.ts';

const plain = String.raw`printf 'Content-Type: text/plain\n\n'; `;

/** One function "vote" at /vote, and its script. */
async function openVote(script: string, options: StandOptions & { readonly target?: object } = {}): Promise<Stand> {
  const stand = await openStand({
    ...options,
    routes: { '/vote': { name: 'vote', kind: 'cgi', ...options.target }, ...options.routes },
  });
  stand.capacity.programs.set('vote', script);
  return stand;
}

interface Failure {
  readonly error: { readonly code: string; readonly message: string };
}

const codeOf = async (response: Response): Promise<string> => ((await response.json()) as Failure).error.code;

describe('a cgi function', () => {
  it('DR-8 answers each request from a container of its own, eight at once', async () => {
    await using stand = await openVote(`${plain} cat; echo $$`);
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, at) => fetch(`${stand.url}/vote`, { method: 'POST', body: `${at} ` })),
    );
    const bodies = await Promise.all(answers.map((answer) => answer.text()));
    expect(bodies.map((body) => body.split(' ')[0])).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
    expect(new Set(bodies.map((body) => body.split(' ')[1])).size).toBe(8);
    expect(new Set(answers.map(({ headers }) => headers.get('minke-instance'))).size).toBe(8);
    expect(answers.every(({ headers }) => /^[0-9a-f]{12}$/.test(headers.get('minke-instance') ?? ''))).toBe(true);
  });

  it('DR-8 finds the request in its meta-variables, with the route stripped off PATH_INFO', async () => {
    await using stand = await openVote(`${plain} env`);
    const answer = await fetch(`${stand.url}/vote/a%20b/c?x=1&y=%20`, {
      method: 'POST',
      headers: { 'Content-Type': 'text/x', 'X-Colour': 'blue', Cookie: 'voter_id=7', 'X-Request-Id': 'id-1' },
      body: 'hello',
    });
    const env = Object.fromEntries((await answer.text()).split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));
    expect(env).toMatchObject({
      GATEWAY_INTERFACE: 'CGI/1.1',
      REQUEST_METHOD: 'POST',
      SCRIPT_NAME: '/vote',
      PATH_INFO: '/a b/c',
      QUERY_STRING: 'x=1&y=%20',
      REQUEST_URI: '/vote/a%20b/c?x=1&y=%20',
      CONTENT_TYPE: 'text/x',
      CONTENT_LENGTH: '5',
      REMOTE_ADDR: '127.0.0.1',
      SERVER_NAME: '127.0.0.1',
      SERVER_PORT: String(stand.port),
      SERVER_PROTOCOL: 'HTTP/1.1',
      SERVER_SOFTWARE: 'minke/test',
      HTTP_X_COLOUR: 'blue',
      HTTP_COOKIE: 'voter_id=7',
      HTTP_X_REQUEST_ID: 'id-1',
    });
    expect(Number(env['MINKE_DEADLINE']) - Date.now()).toBeGreaterThan(10_000);
    expect(env).not.toHaveProperty('AUTH_TYPE');
    expect(answer.headers.get('x-request-id')).toBe('id-1');
  });

  it('DR-8 never finds a Proxy header as HTTP_PROXY, nor what only a proxy may say', async () => {
    await using stand = await openVote(`${plain} env`);
    const headers = { Proxy: 'http://evil', 'X-Forwarded-For': '6.6.6.6', Forwarded: 'for=6.6.6.6', X_User: 'root' };
    const body = await (await fetch(`${stand.url}/vote`, { headers })).text();
    expect(body).not.toMatch(/HTTP_PROXY|6\.6\.6\.6|HTTP_X_USER/);
    expect(body).toContain('HTTP_HOST=');
  });

  it('DR-8 sets status, reason and headers by its own words', async () => {
    await using stand = await openVote(
      String.raw`printf 'Status: 418 Short and stout\r\nContent-Type: text/tea\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\ntea'`,
    );
    const answer = await fetch(`${stand.url}/vote`);
    expect([answer.status, answer.statusText]).toEqual([418, 'Short and stout']);
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await answer.text()).toBe('tea');
  });

  it('DR-8 redirects the client with an absolute Location, and with a path that comes with a cookie', async () => {
    await using stand = await openVote(String.raw`printf 'Location: http://example.org/x\n\n'`, {
      routes: { '/login': { name: 'login', kind: 'cgi' } },
    });
    stand.capacity.programs.set('login', String.raw`printf 'Location: /home\nSet-Cookie: s=1\n\n'`);
    const away = await fetch(`${stand.url}/vote`, { redirect: 'manual' });
    expect([away.status, away.headers.get('location')]).toEqual([302, 'http://example.org/x']);
    const home = await fetch(`${stand.url}/login`, { redirect: 'manual' });
    expect([home.status, home.headers.get('location'), home.headers.get('set-cookie')]).toEqual([302, '/home', 's=1']);
  });

  it('DR-8 answers with another path of the gateway after a local Location, as a GET without a body', async () => {
    await using stand = await openVote(String.raw`printf 'Location: /other/place?q=1\n\n'`, {
      routes: { '/other': { name: 'other', kind: 'cgi' } },
    });
    stand.capacity.programs.set(
      'other',
      `${plain} echo "$REQUEST_METHOD $PATH_INFO $QUERY_STRING [$CONTENT_LENGTH]"; cat`,
    );
    const answer = await fetch(`${stand.url}/vote`, { method: 'POST', body: 'x' });
    expect([answer.status, await answer.text()]).toEqual([200, 'GET /place q=1 []\n']);
  });

  it('DR-8 gives up on local redirects that go round in a circle, and on the way to the own paths of minke', async () => {
    await using stand = await openVote(String.raw`printf 'Location: /vote\n\n'`, {
      limits: { redirects: 3 },
      routes: { '/sneak': { name: 'sneak', kind: 'cgi' } },
    });
    stand.capacity.programs.set('sneak', String.raw`printf 'Location: /_handoff/prepare\n\n'`);
    const round = await fetch(`${stand.url}/vote`);
    expect([round.status, await codeOf(round)]).toEqual([502, 'CGI_BAD_OUTPUT']);
    expect(stand.capacity.started).toHaveLength(4);
    const sneak = await fetch(`${stand.url}/sneak`);
    expect([sneak.status, await codeOf(sneak)]).toEqual([404, 'NO_ROUTE']);
  });

  it.each([
    ['nothing', 'exit 3', 'it wrote nothing, and it ended with exit code 3'],
    ['no header line', 'echo hello', '"hello" is not a header line, and it ended with exit code 0'],
    ['a status line', String.raw`printf 'HTTP/1.1 200 OK\r\n\r\n'`, 'it wrote a status line'],
    ['no empty line', String.raw`printf 'Content-Type: text/plain\n'`, 'does not end with an empty line'],
    ['no CGI header', String.raw`printf 'X-Y: 1\n\n'`, 'none of Content-Type, Location and Status'],
    ['a body without a type', String.raw`printf 'Status: 200\n\nbody'`, 'a body without a Content-Type'],
    ['a bad status', String.raw`printf 'Status: 99\n\n'`, 'is not a status from 200 to 599'],
    ['a head without end', 'yes "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"', 'its head is larger than 65536 bytes'],
  ])('DR-8 is a 502 that says why when it writes %s', async (_, script, reason) => {
    await using stand = await openVote(`echo secret >&2; ${script}`);
    const answer = await fetch(`${stand.url}/vote`);
    const { error } = (await answer.json()) as Failure;
    expect([answer.status, error.code, answer.headers.get('minke-error')]).toEqual([
      502,
      'CGI_BAD_OUTPUT',
      'CGI_BAD_OUTPUT',
    ]);
    expect(error.message).toContain(reason);
    expect(JSON.stringify(error)).not.toContain('secret');
  });

  it.each([
    ['out-of-memory', 'OUT_OF_MEMORY', '512 MiB'],
    ['pids-limit', 'PIDS_LIMIT', '256'],
  ] as const)('DR-8 is a 502 with the cause when the kernel ended it: %s', async (cause, code, limit) => {
    await using stand = await openVote('kill -9 $$');
    stand.capacity.causes.set('vote', cause);
    const answer = await fetch(`${stand.url}/vote`);
    const { error } = (await answer.json()) as Failure;
    expect([answer.status, error.code]).toEqual([502, code]);
    expect(error.message).toContain(limit);
  });

  it('DR-8 breaks the connection when it is killed within its answer, so that none looks whole', async () => {
    await using stand = await openVote(`${plain} echo half; kill -9 $$`);
    stand.capacity.causes.set('vote', 'out-of-memory');
    const record = stand.nextRecord();
    const answer = await fetch(`${stand.url}/vote`);
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow('terminated');
    expect(await record).toMatchObject({ status: 200, error: 'OUT_OF_MEMORY' });
  });

  it('keeps to the Content-Length that it declared: more is cut off, less breaks the connection', async () => {
    await using stand = await openVote(String.raw`printf 'Content-Type: a/b\nContent-Length: 4\n\nlong body'`, {
      routes: { '/short': { name: 'short', kind: 'cgi' } },
    });
    stand.capacity.programs.set('short', String.raw`printf 'Content-Type: a/b\nContent-Length: 9\n\nshort'`);
    expect(await (await fetch(`${stand.url}/vote`)).text()).toBe('long');
    await expect(fetch(`${stand.url}/short`).then((answer) => answer.text())).rejects.toThrow('terminated');
  });

  it('streams: the first bytes arrive while it still runs', async () => {
    await using stand = await openVote(`${plain} echo first; read line; echo "$line"`);
    const call = httpRequest(`${stand.url}/vote`, { method: 'POST', headers: { 'Content-Length': '7' } });
    call.flushHeaders();
    const [answer] = (await once(call, 'response')) as [NodeJS.ReadableStream];
    expect(String((await once(answer, 'data'))[0])).toBe('first\n');
    call.end('second\n');
    expect(String((await once(answer, 'data'))[0])).toBe('second\n');
  });

  it('answers HEAD, 204 and 304 without a body', async () => {
    await using stand = await openVote(`${plain} echo body`, {
      routes: { '/none': { name: 'none', kind: 'cgi' }, '/same': { name: 'same', kind: 'cgi' } },
    });
    stand.capacity.programs.set('none', String.raw`printf 'Status: 204\n\n'`);
    stand.capacity.programs.set('same', String.raw`printf 'Status: 304\nETag: "1"\n\nbody'`);
    const text =
      'HEAD /vote HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\nGET /same HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    const answers = await sendRaw(stand.port, text);
    expect(answers.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 204', 'HTTP/1.1 304']);
    expect(answers).not.toContain('body');
  });

  it('gets a chunked body with its length when it is small, and streamed without one when it is not', async () => {
    await using stand = await openVote(`${plain} echo "[$CONTENT_LENGTH]"; wc -c`, {
      limits: { cgiChunkedBytes: 1000 },
    });
    const send = async (bytes: number): Promise<string> => {
      const call = httpRequest(`${stand.url}/vote`, { method: 'POST' });
      call.write(Buffer.alloc(bytes / 2));
      call.end(Buffer.alloc(bytes / 2));
      const [answer] = (await once(call, 'response')) as [NodeJS.ReadableStream];
      let text = '';
      for await (const chunk of answer) text += String(chunk);
      return text.replaceAll(/\s+/g, ' ').trim();
    };
    expect(await send(1000)).toBe('[1000] 1000');
    expect(await send(2_000_000)).toBe('[] 2000000');
  });

  it('tells a client that waits with its body to go on', async () => {
    await using stand = await openVote(`${plain} cat`);
    const socket = await openRaw(stand.port);
    socket.write(
      'POST /vote HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n',
    );
    await readUntil(socket, 'HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('body');
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 OK[^]*body/);
  });

  it('may leave its input unread, and the connection goes on', async () => {
    await using stand = await openVote(`${plain} echo done`);
    const body = 'x'.repeat(1_000_000);
    const text = `POST /vote HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}GET /vote HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
    expect((await sendRaw(stand.port, text)).match(/done/g)).toHaveLength(2);
  });

  it('does not run ahead of a client that reads slowly', async () => {
    const bytes = 96 * 1024 ** 2;
    await using stand = await openVote(`${plain} head -c ${bytes} /dev/zero`);
    const socket = await openRaw(stand.port);
    socket.write('GET /vote HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    let received = 0;
    let mostAhead = 0;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      received += chunk.length;
      mostAhead = Math.max(mostAhead, (stand.capacity.started[0]?.stdout.bytesRead ?? 0) - received);
      await new Promise(setImmediate);
    }
    expect(received).toBeGreaterThan(bytes);
    // What the kernel holds for both ends of a socket, and two stream buffers.
    expect(mostAhead).toBeLessThan(16 * 1024 ** 2);
  });

  it('does not take more from its client than it reads', async () => {
    await using stand = await openVote('sleep 60', { target: { timeoutMs: 300 } });
    const socket = await openRaw(stand.port);
    const answer = readUntil(socket, '504 Gateway Timeout');
    socket.write('POST /vote HTTP/1.1\r\nHost: a\r\nContent-Length: 900000000\r\n\r\n');
    const pump = (): void => {
      while (socket.write(Buffer.alloc(64 * 1024)));
    };
    socket.on('drain', pump);
    pump();
    await answer;
    expect(socket.bytesWritten - socket.writableLength).toBeLessThan(16 * 1024 ** 2);
    socket.destroy();
  });

  it('is killed at once when its client has gone', async () => {
    await using stand = await openVote(`${plain} echo began; sleep 60`);
    const socket = await openRaw(stand.port);
    socket.write('GET /vote HTTP/1.1\r\nHost: a\r\n\r\n');
    await readUntil(socket, 'began');
    const record = stand.nextRecord();
    socket.destroy();
    expect((await record).status).toBe(499);
    expect((await stand.capacity.started[0]?.exited)?.code).toBe(137);
  });

  it('is killed when its client has gone in order before there was an answer', async () => {
    await using stand = await openVote('sleep 60');
    const begun = stand.capacity.nextStart();
    const socket = await openRaw(stand.port);
    socket.write('GET /vote HTTP/1.1\r\nHost: a\r\n\r\n');
    const { exited } = await begun;
    socket.end();
    await once(socket, 'finish');
    socket.destroy();
    expect((await exited).code).toBe(137);
  });

  it('answers a client that has closed its side only', async () => {
    await using stand = await openVote(`sleep 0.2; ${plain} echo heard`);
    const socket = await openRaw(stand.port);
    socket.end('GET /vote HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await readAll(socket)).toMatch(/HTTP\/1\.1 200 OK[^]*heard/);
  });

  it('DR-7 is killed at its deadline and says so', async () => {
    await using stand = await openVote('sleep 60', { target: { timeoutMs: 150 } });
    const answer = await fetch(`${stand.url}/vote`);
    expect([answer.status, await codeOf(answer)]).toEqual([504, 'REQUEST_TIMEOUT']);
    expect((await stand.capacity.started[0]?.exited)?.code).toBe(137);
  });

  it('DR-7 breaks the connection at the deadline when its answer has begun', async () => {
    await using stand = await openVote(`${plain} echo began; sleep 60`, { target: { timeoutMs: 300 } });
    const answer = await fetch(`${stand.url}/vote`);
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow('terminated');
    expect((await stand.capacity.started[0]?.exited)?.code).toBe(137);
  });

  it('DR-7 waits in line for a place, within its deadline, and the line has an end', async () => {
    await using stand = await openVote('sleep 60', {
      target: { concurrency: 1, timeoutMs: 400 },
      limits: { queueMax: 1 },
    });
    const first = fetch(`${stand.url}/vote`);
    await stand.capacity.nextStart();
    const others = await Promise.all([fetch(`${stand.url}/vote`), fetch(`${stand.url}/vote`)]);
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set([503, 504]));
    const full = others.find(({ status }) => status === 503);
    expect(full?.headers.get('retry-after')).toBe('1');
    expect((await first).status).toBe(504);
  });

  it('that has closed its output and runs on is stopped', async () => {
    await using stand = await openVote(`${plain} echo done; exec >&- 2>&-; sleep 60`, {
      limits: { cgiExitGraceMs: 50 },
    });
    expect(await (await fetch(`${stand.url}/vote`)).text()).toBe('done\n');
    expect((await stand.capacity.started[0]?.exited)?.code).toBe(137);
  });

  it('tells its end, its stderr and its times to the record, and the times to who asks', async () => {
    await using stand = await openVote(`${plain} echo oops >&2; exit 7`);
    const record = stand.nextRecord();
    const answer = await fetch(`${stand.url}/vote?x`, { headers: { 'Minke-Timing': '1' } });
    expect(answer.headers.get('server-timing')).toMatch(
      /^queue;dur=[\d.]+, start;dur=[\d.]+, handler;dur=[\d.]+, total;dur=[\d.]+$/,
    );
    expect(await record).toMatchObject({
      app: 'shop',
      name: 'vote',
      kind: 'cgi',
      method: 'GET',
      url: '/vote?x',
      status: 200,
      exitCode: 7,
      stderr: 'oops\n',
    });
    expect(stand.logLines.join('')).toContain('oops');
  });
});
