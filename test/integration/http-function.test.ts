import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstanceRow } from '../../src/api/types.ts';
import type { TimelineEvent } from '../../src/model/timeline.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { openEvents, openUpload, openWebSocket } from './http-client.ts';

const fixture = fileURLToPath(new URL('../fixtures/apps/http', import.meta.url));
const app = 'web';
const idleMs = 500;

interface Self {
  readonly instance: string;
  readonly name: string;
  readonly greeting: string;
  /** Requests at once, at the most. */
  readonly most: number;
}

describe('http functions', () => {
  let daemon: TestDaemon;
  let folder: string;
  const up = async (greeting: string) =>
    await daemon.up(join(folder, 'compose.yaml'), { environment: { GREETING: greeting, IDLE: `${idleMs}ms` } });
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'minke-http-'));
    cpSync(fixture, folder, { recursive: true });
    daemon = await startDaemon();
    await up('hello');
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    expect(await daemon.purge(), 'left on the host').toEqual([]);
  });

  const instances = async (name?: string): Promise<readonly InstanceRow[]> => {
    const { instances: rows } = await daemon.api.json<{ instances: InstanceRow[] }>('instances', { query: { app } });
    return rows.filter((row) => name === undefined || row.name === name);
  };
  const events = async (kind: string, name: string): Promise<readonly TimelineEvent[]> => {
    const all: TimelineEvent[] = [];
    for await (const event of daemon.api.lines<TimelineEvent>('events', { query: { app } })) all.push(event);
    return all.filter((event) => event.kind === kind && event.name === name);
  };
  const gone = async (): Promise<void> =>
    await expect.poll(async () => await instances(), { timeout: 15_000, interval: 50 }).toEqual([]);
  const goneOf = async (name: string): Promise<void> =>
    await expect.poll(async () => await instances(name), { timeout: 10_000, interval: 50 }).toEqual([]);
  const url = (path: string): string => `${daemon.gateway}${path}`;
  const ask = async (path: string, options?: RequestInit): Promise<Self> => {
    const answer = await fetch(url(path), options);
    const text = await answer.text();
    expect([answer.status, text]).toEqual([200, expect.stringMatching(/^\{/)]);
    return JSON.parse(text) as Self;
  };
  const codeOf = async (answer: Response): Promise<unknown> =>
    ((await answer.json()) as { error: { code: string } }).error;

  it('DR-9 an ordinary HTTP server is started by the first request, answers the next ones, and is gone when nobody asks', async () => {
    expect(await instances()).toEqual([]);
    const first = await ask('/web/');
    expect(first).toMatchObject({ name: 'web', greeting: 'hello' });
    const held = await openWebSocket(url('/web/socket'));
    const again = await ask('/web/again');
    expect((await ask('/web/again')).instance).toBe(again.instance);
    expect(await instances()).toMatchObject([{ id: again.instance, kind: 'http', state: 'running' }]);
    const { stdout } = await daemon.cli(['ps', '--app', app]);
    expect(stdout).toContain(again.instance.slice(0, 12));
    held.close();
    await gone();
    expect((await ask('/web/')).instance).not.toBe(first.instance);
  });

  it('DR-7 50 requests at once get as many instances as their limit asks for, and no more at once in any', async () => {
    await gone();
    const before = (await events('instance.started', 'web')).length;
    const shared = join(daemon.dataFolder, 'volumes', 'web_shared');
    const asking = Array.from({ length: 50 }, async () => await ask('/web/together'));
    await expect.poll(() => readdirSync(shared), { timeout: 30_000 }).toHaveLength(50);
    writeFileSync(join(shared, 'free'), '');
    const answers = await Promise.all(asking);
    expect((await events('instance.started', 'web')).length - before).toBe(5);
    expect(Math.max(...answers.map(({ most }) => most))).toBe(10);
    expect(new Set(answers.map(({ instance }) => instance)).size).toBe(5);
    await gone();
  });

  it('DR-7 beyond the places and the queue a request is refused at once with 503 and Retry-After', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, async () => await fetch(url('/narrow/hold?ms=1000'))));
    const countOf = (wanted: number): number => answers.filter(({ status }) => status === wanted).length;
    expect([countOf(200), countOf(503)]).toEqual([3, 5]);
    const refused = answers.find(({ status }) => status === 503);
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
    await Promise.all(answers.map(async (answer) => await answer.text()));
    expect(await instances('narrow')).toHaveLength(1);
  });

  it('DR-13 a crash in the middle of a request is a 502 with a code, and the next request works', async () => {
    const answer = await fetch(url('/web/crash'), { method: 'POST', body: '{}' });
    expect([answer.status, await codeOf(answer)]).toEqual([502, expect.objectContaining({ code: 'UPSTREAM_FAILED' })]);
    expect((await ask('/web/')).name).toBe('web');
    const crashed = (await events('instance.ended', 'web')).filter(({ facts }) => facts?.['code'] === 3);
    expect(crashed.map(({ facts }) => facts)).toMatchObject([{ cause: 'exited' }]);
    const { stdout } = await daemon.cli(['logs', '--app', app, 'web']);
    expect(stdout).toContain('about to crash');
  });

  it('a function that cannot start is a 502 with its reason and last words, and is not tried in a tight loop', async () => {
    const begun = performance.now();
    const answers = await Promise.all(Array.from({ length: 20 }, async () => await fetch(url('/broken/'))));
    const errors = await Promise.all(answers.map(codeOf));
    expect(errors[0]).toMatchObject({
      code: 'INSTANCE_START_FAILED',
      message: expect.stringMatching(/exit code 9.*no such luck/s),
    });
    for (let count = 0; count < 4; count += 1) expect((await fetch(url('/broken/'))).status).toBe(502);
    const starts = (await events('instance.started', 'broken')).length;
    expect(starts).toBeLessThanOrEqual(10);
    // Before each start but the first: 100 ms, 200 ms, 400 ms, ...
    expect(performance.now() - begun).toBeGreaterThan(100 * (2 ** Math.min(starts - 1, 5) - 1));
  });

  it('events, a slow upload and a WebSocket keep their instance alive beyond its idle time', async () => {
    const events = await openEvents(url('/web/events'));
    const [, instance = ''] = (await events.next()).split(' ');
    const upload = openUpload(url('/caller/upload'));
    await upload.send(Buffer.alloc(1000));
    const socket = await openWebSocket(url('/narrow/socket'));
    expect(await socket.say('hello')).toBe('hello');
    await expect.poll(async () => await instances(), { timeout: 10_000 }).toHaveLength(3);
    const before = (await instances()).map(({ id }) => id).toSorted();
    await delay(4 * idleMs);
    expect((await instances()).map(({ id }) => id).toSorted()).toEqual(before);
    expect(await events.next()).toContain(instance);
    expect(await socket.say('still there')).toBe('still there');
    await upload.send(Buffer.alloc(500));
    expect(await upload.end()).toMatchObject({ bytes: 1500, name: 'caller' });
    events.close();
    await goneOf('web');
    expect(await socket.say('and still')).toBe('and still');
    socket.close();
  });

  it('DR-13 a function calls another by its name, JSON in and out, from zero; its crash is an error there too', async () => {
    await goneOf('web');
    const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"poll":[1,2]}' };
    expect(await ask('/caller/ask/web/any', json)).toMatchObject({
      status: 200,
      answer: { name: 'web', method: 'POST', body: { poll: [1, 2] } },
    });
    expect(await ask('/caller/ask/web/crash', json)).toMatchObject({
      status: 502,
      answer: { error: { code: 'UPSTREAM_FAILED' } },
    });
  });

  it('DR-13 minke call reaches it by name with JSON in and out; a crash or a start that fails is an error', async () => {
    const called = await daemon.cli(['call', 'web', '--app', app, '--data', '{"poll":1}']);
    expect([called.code, JSON.parse(called.stdout)]).toEqual([0, expect.objectContaining({ body: { poll: 1 } })]);
    const failed = await daemon.cli(['call', 'broken', '--app', app, '--data', '{}']);
    expect([failed.code, failed.stdout]).toEqual([3, '']);
    expect(failed.stderr).toContain('no such luck');
  });

  it('DR-9 kill -9 of the daemon leaves the instance alive, and the next life serves on with it', async () => {
    const before = await ask('/narrow/');
    const events = await openEvents(url('/web/events'));
    await events.next();
    await daemon.end('SIGKILL');
    await daemon.restart();
    expect((await ask('/narrow/')).instance).toBe(before.instance);
    await goneOf('web');
    expect((await ask('/narrow/')).instance).toBe(before.instance);
  });

  it('DR-9 an up with a changed file replaces it, and no request under way or new fails', async () => {
    const socket = await openWebSocket(url('/web/socket'));
    const old = await ask('/web/');
    const seen = new Set<string>();
    let isOver = false;
    const asking = Array.from({ length: 4 }, async () => {
      while (!isOver) seen.add((await ask('/web/hold?ms=20')).greeting);
    });
    const slow = ask('/web/hold?ms=3000');
    const source = join(folder, 'server/server.js');
    writeFileSync(source, readFileSync(source, 'utf8').replace('greeting: GREETING', 'greeting: `${GREETING} anew`'));
    expect(await up('bye')).toEqual({ changed: true });
    await expect.poll(() => seen.has('bye anew'), { timeout: 10_000 }).toBe(true);
    isOver = true;
    await Promise.all(asking);
    expect([...seen].toSorted()).toEqual(['bye anew', 'hello']);
    expect(await slow).toMatchObject({ instance: old.instance, greeting: 'hello' });
    expect(await socket.say('held by the old one')).toBe('held by the old one');
    expect((await ask('/web/')).greeting).toBe('bye anew');
    socket.close();
    await expect
      .poll(async () => (await instances()).map(({ id }) => id), { timeout: 10_000 })
      .not.toContain(old.instance);
  });

  it('an up that changes only limits counts at once and replaces nothing', async () => {
    const socket = await openWebSocket(url('/web/socket'));
    const before = await ask('/web/');
    const file = join(folder, 'compose.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace("idle: '${IDLE:-1s}'", 'idle: 1m'));
    await up('bye');
    socket.close();
    await delay(3 * idleMs);
    expect((await ask('/web/')).instance).toBe(before.instance);
  });

  it('down lets what is under way end, and leaves nothing', async () => {
    const slow = ask('/web/hold?ms=500');
    await expect.poll(async () => (await instances('web')).length).toBeGreaterThan(0);
    expect(await daemon.cli(['down', app])).toMatchObject({ code: 0, stderr: '' });
    expect(await slow).toMatchObject({ name: 'web' });
    expect(await instances()).toEqual([]);
    expect((await fetch(url('/web/'))).status).toBe(404);
  });
});
