import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMinke, type Minke } from '../../src/sdk/minke.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { loadBusybox } from './door-images.ts';
import { fixtureApp } from './isolation-fixtures.ts';

let daemon: TestDaemon;
let minke: Minke;
beforeAll(async () => {
  daemon = await startDaemon();
  await loadBusybox(daemon, ['busybox']);
  await daemon.up(fixtureApp('runs'));
  minke = createMinke(daemon.api, 'runs');
});
afterAll(async () => expect(await daemon.purge(), 'left on the host').toEqual([]));

const post = async (path: string, init: RequestInit = {}): Promise<Response> =>
  await fetch(`${daemon.gateway}/_minke/async${path}`, { method: 'POST', ...init });
const idOf = async (answer: Response): Promise<string> => {
  const { run } = (await answer.json()) as { run: { id: string } };
  expect(answer.status).toBe(202);
  expect(answer.headers.get('location')).toBe(`/minke/v1/runs/${run.id}`);
  return run.id;
};
const resultOf = async (id: string): Promise<string> => {
  expect(await minke.runs.wait(id)).toMatchObject({ state: 'succeeded' });
  return (await minke.runs.result(id)).toString();
};

describe('POST /_minke/async/ROUTE', () => {
  it('is a run of a task, on disk before the answer: body on stdin, ?arg= as arguments; a key answers the same run', async () => {
    const headers = { 'idempotency-key': 'order-17' };
    const id = await idOf(await post('/work?arg=one', { body: 'input\n', headers }));
    await daemon.end('SIGKILL');
    await daemon.restart();
    expect(await resultOf(id)).toBe('one\ninput\n');
    expect(await idOf(await post('/work?arg=two', { headers }))).toBe(id);
    expect(await idOf(await post('/page', { headers }))).not.toBe(id);
    expect((await post('/work', { headers: { 'idempotency-key': 'x'.repeat(256) } })).status).toBe(400);
  });

  it('calls a cgi function with the request, and its answer is the result', async () => {
    const id = await idOf(await post('/page/a%20b?q=1', { body: 'line\n', headers: { 'x-word': 'hello' } }));
    expect(await resultOf(id)).toBe(`Content-Type: text/plain\n\nPOST /a b q=1 hello 5 line ${id}\n`);
  });

  it('refuses an http function, a body that is too large, what no route leads to, and other spellings', async () => {
    const http = await post('/server');
    expect([http.status, await http.json()]).toMatchObject([501, { error: { code: 'NOT_SUPPORTED' } }]);
    expect((await post('/work', { body: Buffer.alloc(1024 * 1024 + 1) })).status).toBe(413);
    for (const path of ['/nowhere', '/_minke/health', '/_minke/async/work', '/%5Fminke/async/work'])
      expect([path, (await post(path)).status]).toEqual([path, 404]);
    expect((await fetch(`${daemon.gateway}/_minke/async/work`)).status).toBe(404);
    expect((await fetch(`${daemon.gateway}/%5fminke/async/work`, { method: 'POST' })).status).toBe(404);
  });
});
