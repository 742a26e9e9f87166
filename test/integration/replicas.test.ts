import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstanceRow, InstancesAnswer, ServiceRow } from '../../src/api/types.ts';
import type { TimelineEvent } from '../../src/model/timeline.ts';
import { anyPort } from './any-port.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { fixtureApp } from './isolation-fixtures.ts';
import { runsOf } from './isolation-runs.ts';
import { viewOf } from './restart-host.ts';

const app = 'replicas';
const port = await anyPort();
const environment = { PORT: String(port) };
/** For what is looked for until it is so: often, and long enough for a machine that is busy with something else. */
const patiently = { interval: 20, timeout: 60_000 };
let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon();
});

afterAll(async () => {
  expect(await daemon.purge(), 'left on the host').toEqual([]);
});

interface Who {
  readonly instance: string;
  readonly hostname: string;
  readonly version: string;
}

interface Called {
  /** How often each answered. */
  readonly answers: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
}

const up = async (more: Readonly<Record<string, string>> = {}): Promise<{ changed: boolean }> =>
  await daemon.up(fixtureApp(app), { environment: { ...environment, ...more } });

const minke = async (line: string): Promise<{ code: number; stdout: string; stderr: string }> =>
  await daemon.cli([...line.split(' '), '--app', app]);

const list = async (): Promise<InstancesAnswer> =>
  await daemon.api.json<InstancesAnswer>('instances', { query: { app } });

/** Ids of a service, by the number of the place. */
async function places(name = 'web'): Promise<Record<number, string>> {
  const { instances } = await list();
  const own = instances.filter((row) => row.name === name);
  expect(new Set(own.map(({ replica }) => replica)).size).toBe(own.length);
  return Object.fromEntries(own.map(({ replica = 0, id }) => [replica, id]));
}

const statesOf = async (name: string): Promise<ServiceRow['state'][]> =>
  (await list()).services.filter((row) => row.name === name).map(({ state }) => state);

/** Over a new connection, as everybody does who comes for the first time. */
const ask = async (url: string): Promise<Who> =>
  await new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: 20_000 }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode}`));
      (json(response) as Promise<Who>).then(resolve, reject);
    });
    request.on('timeout', () => request.destroy(new Error('no answer'))).on('error', reject);
  });

/** Asks on several ways at once until it is told to stop, and answers who answered and what failed. */
function callOften(url: string): { stop(): Promise<Called> } {
  const called = { answers: {} as Record<string, number>, failures: [] as string[] };
  let isOver = false;
  const lane = async (): Promise<void> => {
    while (!isOver) {
      try {
        const { instance } = await ask(url);
        called.answers[instance] = (called.answers[instance] ?? 0) + 1;
      } catch (error) {
        called.failures.push(String(error));
      }
    }
  };
  const lanes = Array.from({ length: 4 }, lane);
  return {
    stop: async () => {
      isOver = true;
      await Promise.all(lanes);
      return called;
    },
  };
}

const file = (name: string): string => join(daemon.dataFolder, 'volumes/replicas_shared', name);

/** The same from inside the app, by name. */
function callByName(): { stop(): Promise<Called> } {
  const enough = `enough-${performance.now()}`;
  const ended = runsOf(daemon, app)('call', ['http://web:8000/', `/shared/${enough}`]);
  return {
    stop: async () => {
      writeFileSync(file(enough), '');
      const { stdout, stderr } = await ended;
      if (stdout === '') throw new Error(stderr);
      return JSON.parse(stdout) as Called;
    },
  };
}

const route = (): string => `${daemon.gateway}/web`;
const hostPort = `http://127.0.0.1:${port}/`;

describe('a service in three places', () => {
  it('CO-1 runs in each, shares its volumes, and comes before what depends on all of it being healthy', async () => {
    expect(await up()).toEqual({ changed: true });
    expect(Object.keys(await places())).toEqual(['1', '2', '3']);
    // Nobody waits for a job that nothing depends on.
    await expect.poll(async () => await statesOf('job'), patiently).toEqual(['completed', 'completed']);
    expect(await statesOf('none')).toEqual([]);
    const kinds: (string | undefined)[] = [];
    for await (const { kind, name } of daemon.api.lines<TimelineEvent>('events', { query: { app } }))
      if (kind === 'service.healthy' || (kind === 'instance.started' && name === 'front')) kinds.push(name);
    expect(kinds).toEqual(['web', 'web', 'web', 'front']);
    const { stdout } = await minke('ps');
    for (const name of ['web.1', 'web.2', 'web.3']) expect(stdout).toContain(` ${name} `);
    expect(stdout).toMatch(/ front /);
    expect(stdout).toMatch(/^- +replicas +job\.1 +service +completed /m);
  });

  it('CO-3 has nothing to change when it is brought up again', async () => {
    expect(await up()).toEqual({ changed: false });
  });

  it.each([
    ['its route', route],
    ['a port of the host', () => hostPort],
  ])(
    'CO-2 answers in all of them by %s: 3 ids in at most 50 requests, each with a host name of its own',
    async (_, url) => {
      const seen = new Map<string, string>();
      let requests = 0;
      for (; seen.size < 3 && requests < 50; requests += 1) {
        const { instance, hostname } = await ask(url());
        seen.set(instance, hostname);
      }
      expect([...seen.keys()].toSorted()).toEqual(Object.values(await places()).toSorted());
      expect(new Set(seen.values()).size).toBe(3);
    },
  );

  it('CO-2 answers in all of them by its name, to the containers of its app', async () => {
    const calls = callByName();
    const { answers, failures } = await calls.stop();
    expect(failures).toEqual([]);
    const total = Object.values(answers).reduce((sum, count) => sum + count, 0);
    expect(total === 0 ? [] : Object.keys(answers).length).toBe(Math.min(3, total));
  });

  it('CO-7 loses no request when one is killed, which comes back in its place; the others are not touched', async () => {
    const before = await places();
    const calls = callOften(route());
    const victim = viewOf(daemon.dataFolder).firstProcess(before[2] ?? '');
    process.kill(victim?.pid ?? 0, 'SIGKILL');
    await expect
      .poll(async () => await places(), patiently)
      .toEqual({ ...before, 2: expect.not.stringMatching(before[2] ?? '') });
    await expect.poll(async () => await statesOf('web'), patiently).toEqual(['running', 'running', 'running']);
    const { failures, answers } = await calls.stop();
    expect(failures).toEqual([]);
    expect(answers).toMatchObject({ [before[1] ?? '']: expect.any(Number), [before[3] ?? '']: expect.any(Number) });
  });

  it('CO-7 leads nobody to one that is unhealthy, and replaces that one alone', async () => {
    const before = await places();
    const sick = before[3] ?? '';
    writeFileSync(file(`sick-${sick}`), '');
    await expect.poll(async () => await places(), patiently).toEqual({ ...before, 3: expect.not.stringMatching(sick) });
    const calls = [callOften(route()), callByName()];
    await expect.poll(async () => await statesOf('web'), patiently).toEqual(['running', 'running', 'running']);
    for (const { stop } of calls) {
      const { answers, failures } = await stop();
      expect([failures, Object.keys(answers).includes(sick)]).toEqual([[], false]);
    }
  });
});

describe('minke scale', () => {
  it('CO-2 starts two more and ends the three last under requests, of which none fails; the first two live on', async () => {
    const before = await places();
    const calls = [callOften(route()), callByName()];
    expect(await minke('scale web=5')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^replicas: scaled web=5 \(.*\)\n$/),
    });
    const five = await places();
    expect(five).toMatchObject(before);
    expect(Object.keys(five)).toEqual(['1', '2', '3', '4', '5']);
    const seen = new Set<string>();
    for (let requests = 0; seen.size < 5 && requests < 50; requests += 1) seen.add((await ask(route())).instance);
    expect([...seen].toSorted()).toEqual(Object.values(five).toSorted());
    expect(await minke('scale web=2')).toMatchObject({ code: 0 });
    expect(await places()).toEqual({ 1: before[1], 2: before[2] });
    for (const { stop } of calls) {
      const { answers, failures } = await stop();
      expect(failures).toEqual([]);
      expect(Object.keys(answers).length).toBeGreaterThanOrEqual(5);
    }
  });

  it('has nothing to do where there are as many already', async () => {
    expect(await minke('scale web=2')).toMatchObject({ code: 0, stdout: 'replicas: nothing had to change\n' });
  });

  it('CO-6 is remembered by the next daemon, which takes every instance up in its place after kill -9', async () => {
    await minke('scale web=4');
    const before = await places();
    await daemon.end('SIGKILL');
    await daemon.restart();
    await expect.poll(async () => await statesOf('web'), patiently).toEqual(Array.from({ length: 4 }, () => 'running'));
    expect(await places()).toEqual(before);
  });

  it('CO-3 holds until the next up, which goes by the file, and replaces each of what has changed there', async () => {
    const before = await places();
    expect(await up()).toEqual({ changed: true });
    expect(await places()).toEqual({ 1: before[1], 2: before[2], 3: before[3] });
    const { front } = Object.fromEntries((await list()).instances.map((row): [string, InstanceRow] => [row.name, row]));
    expect(await up({ VERSION: '2' })).toEqual({ changed: true });
    expect((await list()).instances.find(({ name }) => name === 'front')?.id).toBe(front?.id);
    const after = Object.values(await places());
    expect(after).toHaveLength(3);
    expect(after.filter((id) => Object.values(before).includes(id))).toEqual([]);
    expect(await ask(route())).toMatchObject({ version: '2' });
    expect(await up({ VERSION: '2' })).toEqual({ changed: false });
  });

  it('CO-2 tells what cannot be scaled: an unknown service, a function, an app that is not there, a number that is none', async () => {
    const unknown = 'minke: Cannot find the service "wbe" in the app "replicas"\nhint: Did you mean "web"?\n';
    expect(await minke('scale wbe=2')).toEqual({ code: 1, stdout: '', stderr: unknown });
    const aFunction =
      'minke: "minke scale" of "call" is not supported: it is a function, which runs only while somebody calls it\n';
    expect(await minke('scale call=2')).toEqual({ code: 1, stdout: '', stderr: aFunction });
    const nowhere = mkdtempSync(join(tmpdir(), 'minke-nowhere-'));
    expect(await daemon.cli(['scale', 'web=2'], { cwd: nowhere })).toEqual({
      code: 2,
      stdout: '',
      stderr: 'minke: There is no app file here or in a folder above\nhint: Name the app: --app NAME\n',
    });
    rmSync(nowhere, { recursive: true });
    expect(await daemon.cli(['scale', 'web=2', '--app', 'shop'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Cannot find the app "shop"'),
    });
    expect(await minke('scale web')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"web" does not say how many of which service'),
    });
    await expect(
      daemon.api.json('scale', { parameters: { app }, json: { replicas: { web: -1 } } }),
    ).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});

describe('minke stop, start and restart', () => {
  it('CO-2 stops a service, also for the next daemon, and starts it again in all its places', async () => {
    expect(await minke('stop web')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^replicas: stopped web \(.*\)\n$/),
    });
    const front = await places('front');
    expect([await places(), await statesOf('web')]).toEqual([{}, ['stopped']]);
    expect((await minke('ps')).stdout).toMatch(/^- +replicas +web +service +stopped /m);
    await daemon.end('SIGKILL');
    await daemon.restart();
    await expect.poll(async () => await statesOf('front'), patiently).toEqual(['running']);
    expect([await places(), await statesOf('web'), await places('front')]).toEqual([{}, ['stopped'], front]);
    expect(await minke('start web')).toMatchObject({ code: 0 });
    expect(Object.keys(await places())).toEqual(['1', '2', '3']);
    expect(await ask(route())).toMatchObject({ version: '2' });
    expect(await minke('start')).toMatchObject({ code: 0, stdout: 'replicas: nothing had to change\n' });
  });

  it('CO-2 restarts a service, and no other', async () => {
    const [web, front] = [await places(), await places('front')];
    expect(await minke('restart web')).toMatchObject({ code: 0 });
    const after = Object.values(await places());
    expect([after.length, after.filter((id) => Object.values(web).includes(id))]).toEqual([3, []]);
    expect(await places('front')).toEqual(front);
  });

  it('CO-2 stops and starts all of an app, and up starts what was stopped', async () => {
    await minke('stop');
    expect((await list()).instances).toEqual([]);
    expect(await minke('start')).toMatchObject({ code: 0 });
    expect([Object.keys(await places()), Object.keys(await places('front'))]).toEqual([['1', '2', '3'], ['1']]);
    await minke('stop web');
    expect(await up({ VERSION: '2' })).toEqual({ changed: true });
    expect(Object.keys(await places())).toEqual(['1', '2', '3']);
  });
});
