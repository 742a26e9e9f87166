import { PassThrough, Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { cgi, serve, type Handler } from './index.ts';

async function runCgi(handle: Handler, env: Record<string, string> = {}, body = ''): Promise<CgiOutcome> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await cgi(handle, { env, stdin: Readable.from([Buffer.from(body)]), stdout, stderr });
  const read = (stream: PassThrough): string => ((stream.read() as Buffer | null) ?? '').toString();
  return { code, stdout: read(stdout), stderr: read(stderr) };
}

interface CgiOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('cgi', () => {
  it('gives the request to the handler, and writes what it answers', async () => {
    const env = {
      REQUEST_METHOD: 'POST',
      PATH_INFO: '/a b',
      QUERY_STRING: 'x=1&x=2',
      HTTP_ACCEPT_LANGUAGE: 'fr',
      CONTENT_TYPE: 'application/json',
    };
    const outcome = await runCgi(
      async ({ method, path, query, headers, json }) => ({
        status: 201,
        headers: { 'set-cookie': ['a=1', 'b=2'] },
        json: { method, path, x: query.getAll('x'), headers, body: await json() },
      }),
      env,
      '{"y":3}',
    );
    const [head = '', body = ''] = outcome.stdout.split('\r\n\r\n');
    expect(head.split('\r\n').slice(0, 2)).toEqual(['Status: 201', 'content-type: application/json']);
    expect(head.split('\r\n').slice(-2)).toEqual(['set-cookie: a=1', 'set-cookie: b=2']);
    expect(JSON.parse(body)).toEqual({
      method: 'POST',
      path: '/a b',
      x: ['1', '2'],
      headers: { 'accept-language': 'fr', 'content-type': 'application/json' },
      body: { y: 3 },
    });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
  });

  it.each<[string, Handler, string]>([
    [
      'a text',
      () => 'hello\n',
      'Status: 200\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 6\r\n\r\nhello\n',
    ],
    [
      'bytes',
      () => Buffer.from('x'),
      'Status: 200\r\ncontent-type: application/octet-stream\r\ncontent-length: 1\r\n\r\nx',
    ],
    ['nothing', () => undefined, 'Status: 204\r\n\r\n'],
    ['a stream', () => ({ body: Readable.from(['a', 'b']) }), 'Status: 200\r\n\r\nab'],
    [
      'a type of its own',
      () => ({ headers: { 'Content-Type': 'text/html' }, body: '' }),
      'Status: 200\r\ncontent-length: 0\r\nContent-Type: text/html\r\n\r\n',
    ],
    [
      'false as JSON',
      () => ({ json: false }),
      'Status: 200\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\nfalse',
    ],
  ])('sends %s', async (_, handle, expected) => {
    expect((await runCgi(handle)).stdout).toBe(expected);
  });

  it('answers 500 and ends with 1 where the handler fails, and tells why only its log', async () => {
    const outcome = await runCgi(() => {
      throw new Error('the secret is 42');
    });
    expect(outcome.stdout).toMatch(/^Status: 500\r\n/);
    expect(outcome.stdout).not.toContain('42');
    expect(outcome.stderr).toContain('Error: the secret is 42');
    expect(outcome.code).toBe(1);
  });

  it('lets no value end its header', async () => {
    const outcome = await runCgi(() => ({ headers: { location: '/\r\nset-cookie: stolen=1' }, body: '' }));
    expect(outcome.stdout).toMatch(/^Status: 500\r\n/);
    expect(outcome.stdout).not.toContain('stolen');
  });

  it('ends with 1 where a stream breaks off, since its head is sent', async () => {
    const broken = Readable.from(
      (async function* () {
        yield 'half';
        throw new Error('broke off');
      })(),
    );
    const outcome = await runCgi(() => ({ body: broken }));
    expect(outcome.stdout).toBe('Status: 200\r\n\r\nhalf');
    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining('broke off') as string });
  });
});

describe('serve', () => {
  it('answers requests with the same handler, many at once, and the ones under way before it closes', async () => {
    const released = Promise.withResolvers<void>();
    const { port, close } = await serve(
      async ({ path, json }) => {
        if (path === '/slow') await released.promise;
        return { json: { path, body: await json() } };
      },
      { port: 0, host: '127.0.0.1' },
    );
    const post = async (path: string): Promise<unknown> =>
      await (
        await fetch(`http://127.0.0.1:${port}${path}`, {
          method: 'POST',
          body: '[1]',
          headers: { connection: 'close' },
        })
      ).json();
    const slow = post('/slow');
    expect(await post('/a%20b')).toEqual({ path: '/a b', body: [1] });
    const closed = close();
    released.resolve();
    expect(await slow).toEqual({ path: '/slow', body: [1] });
    await closed;
    await expect(post('/')).rejects.toThrow('fetch failed');
  });

  it('answers 500 where the handler fails, and tells it when its client has gone', async () => {
    const gone = Promise.withResolvers<void>();
    const { port, close } = await serve(
      async ({ path, signal }) => {
        if (path === '/fails') throw new Error('no');
        signal.addEventListener('abort', () => gone.resolve());
        return await new Promise<never>(() => undefined);
      },
      { port: 0, host: '127.0.0.1' },
    );
    expect((await fetch(`http://127.0.0.1:${port}/fails`, { headers: { connection: 'close' } })).status).toBe(500);
    const leaving = new AbortController();
    const left = fetch(`http://127.0.0.1:${port}/`, { signal: leaving.signal });
    left.catch(() => undefined);
    setTimeout(() => leaving.abort(), 100);
    await gone.promise;
    await close();
  });

  it('rejects where its port is taken', async () => {
    const first = await serve(() => 'x', { port: 0, host: '127.0.0.1' });
    await expect(serve(() => 'x', { port: first.port, host: '127.0.0.1' })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    await first.close();
  });
});
