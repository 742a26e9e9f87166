import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstancesAnswer, ServiceRow } from '../../src/api/types.ts';
import type { TimelineEvent } from '../../src/model/timeline.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { fixtureApp } from './isolation-fixtures.ts';
import { numbersIn, viewOf, type HostView } from './restart-host.ts';

const file = (name: string): string => join(dirname(fixtureApp('health')), `${name}.yaml`);
/** For what is looked for until it is so: often, and long enough for a machine that is busy with something else. */
const patiently = { interval: 20, timeout: 30_000 };

let daemon: TestDaemon;
let view: HostView;

beforeAll(async () => {
  daemon = await startDaemon();
  view = viewOf(daemon.dataFolder);
});

afterAll(async () => {
  expect(await daemon.purge(), 'left on the host').toEqual([]);
});

const ask = async (app: string): Promise<InstancesAnswer> =>
  await daemon.api.json<InstancesAnswer>('instances', { query: { app } });
const service = async (app: string, name: string): Promise<ServiceRow | undefined> =>
  (await ask(app)).services.find((one) => one.name === name);
const events = async (app: string): Promise<readonly TimelineEvent[]> => {
  const all: TimelineEvent[] = [];
  for await (const event of daemon.api.lines<TimelineEvent>('events', { query: { app } })) all.push(event);
  return all;
};
const kindsOf = (all: readonly TimelineEvent[], name: string): string[] =>
  all.filter((event) => event.name === name).map(({ kind }) => kind);
/** As anybody may who is root on the host. */
const endFromOutside = (id: string): boolean => {
  const found = view.firstProcess(id);
  return found !== undefined && process.kill(found.pid, 'SIGKILL');
};
const killDaemon = async (): Promise<void> => {
  await daemon.end('SIGKILL');
  await daemon.restart();
};

describe('an app with health checks and conditions', () => {
  const app = 'health';
  const signal = (name: string): string => join(daemon.dataFolder, 'volumes/health_signals', name);
  const idOf = async (name: string): Promise<string> => (await service(app, name))?.instance ?? '';
  const whoAnswers = async (): Promise<string> => (await (await fetch(`${daemon.gateway}/db`)).text()).trim();

  it('CO-7 is started in the order of its conditions: nothing before what it needs is healthy and done', async () => {
    const up = daemon.up(file('compose'));
    await expect
      .poll(async () => (await service(app, 'db'))?.health?.last, patiently)
      .toMatchObject({ code: 4, output: 'no signal' });
    expect(await service(app, 'db')).toMatchObject({ state: 'starting', health: { state: 'starting', failures: 0 } });
    expect((await ask(app)).instances.map(({ name }) => name)).not.toContain('web');
    expect((await daemon.cli(['ps', '--app', app])).stdout).toMatch(/ db +service +starting /);
    writeFileSync(signal('healthy'), '');
    expect(await up).toEqual({ changed: true });
    const all = await events(app);
    const at = (kind: string, name: string): number =>
      all.findIndex((event) => event.kind === kind && event.name === name);
    const web = at('instance.started', 'web');
    expect([at('service.healthy', 'db') < web, at('service.completed', 'migrate') < web]).toEqual([true, true]);
    await view.untilWritten(await idOf('web'), (text) => text.startsWith('once\n') && numbersIn(text).length > 2);
    const { stdout } = await daemon.cli(['ps', '--app', app]);
    expect(stdout).toMatch(/ db +service +running \(healthy\) /);
    expect(stdout).toMatch(/^- +health +migrate +service +completed /m);
  });

  it('CO-3 is left alone by a second up, its job too, also after kill -9 of the daemon, which checks on', async () => {
    const before = [await idOf('db'), await idOf('web')];
    expect(await daemon.up(file('compose'))).toEqual({ changed: false });
    await daemon.end('SIGKILL');
    const ticks = numbersIn(await view.output(before[1] ?? '')).length;
    await daemon.restart();
    expect(await daemon.up(file('compose'))).toEqual({ changed: false });
    expect([await idOf('db'), await idOf('web')]).toEqual(before);
    expect(await service(app, 'db')).toMatchObject({ state: 'running', health: { state: 'healthy' }, restarts: 0 });
    expect(await service(app, 'migrate')).toMatchObject({ state: 'completed', lastEnd: { code: 0 } });
    expect(readFileSync(signal('migrated'), 'utf8')).toBe('once\n');
    const seen = await view.untilWritten(before[1] ?? '', (text) => numbersIn(text).length > ticks + 5);
    expect(numbersIn(seen)).toEqual(numbersIn(seen).map((_, index) => index + 1));
  });

  it('CA-3 gets no request while it is unhealthy, and is replaced: the request waits for the healthy one', async () => {
    const before = await idOf('db');
    expect(await whoAnswers()).toBe(before);
    rmSync(signal('healthy'));
    await expect.poll(async () => await idOf('db'), patiently).not.toBe(before);
    const asked = whoAnswers();
    await expect.poll(async () => (await service(app, 'db'))?.health?.last?.code, patiently).toBe(4);
    writeFileSync(signal('healthy'), '');
    const after = await asked;
    expect([after, after !== before]).toEqual([await idOf('db'), true]);
    const told = (await events(app)).filter(({ name, kind }) => name === 'db' && kind.startsWith('service.'));
    const last = told.slice(told.findLastIndex(({ kind }) => kind === 'service.unhealthy'));
    expect(last.map(({ kind }) => kind)).toEqual([
      'service.unhealthy',
      'service.ended',
      'service.restarting',
      'service.healthy',
      'service.started',
    ]);
    expect(last[0]?.facts).toMatchObject({ failures: 2, exitCode: 4, output: 'no signal' });
    expect(last[1]?.facts).toMatchObject({ cause: 'unhealthy' });
  });
});

describe('a service that ends', () => {
  const app = 'restless';

  it('CO-7 is given up after as many restarts as it may have, and stays so when the daemon is killed', async () => {
    await daemon.up(file('restless'));
    writeFileSync(join(daemon.dataFolder, 'volumes/restless_signals/go'), '');
    await expect.poll(async () => await service(app, 'tired'), patiently).toMatchObject({ state: 'given-up' });
    const told = (await events(app)).filter(({ name }) => name === 'tired');
    const waits = told.filter(({ kind }) => kind === 'service.restarting').map(({ facts }) => facts?.['afterMs']);
    expect(waits).toEqual([100, 200]);
    expect(told.at(-1)).toMatchObject({ kind: 'service.given-up', facts: { exitCode: 3, why: 'attempts' } });
    await killDaemon();
    expect(await service(app, 'tired')).toMatchObject({ state: 'given-up', restarts: 2, lastEnd: { code: 3 } });
    expect((await daemon.cli(['ps', '--app', app])).stdout).toMatch(/ tired +service +given-up \(exit code 3\) /);
    const starts = (await events(app)).filter(({ name, kind }) => name === 'tired' && kind === 'instance.started');
    expect(starts).toHaveLength(3);
  });

  it('CO-7 comes back when its container is killed from outside, and the timeline tells how', async () => {
    const before = (await service(app, 'steady'))?.instance ?? '';
    expect(endFromOutside(before)).toBe(true);
    await expect
      .poll(async () => await service(app, 'steady'), patiently)
      .toMatchObject({ state: 'running', restarts: 1, instance: expect.not.stringContaining(before) });
    const told = (await events(app)).filter(({ name }) => name === 'steady');
    const end = told.findIndex(({ kind }) => kind === 'service.ended');
    expect(told[end]).toMatchObject({ instance: before, facts: { exitCode: 137, cause: 'exited' } });
    expect(kindsOf(told.slice(end), 'steady')).toEqual([
      'service.ended',
      'service.restarting',
      'instance.started',
      'service.started',
    ]);
    expect(told[end + 1]?.facts).toMatchObject({ afterMs: 100, quickEnds: 1 });
  });
});

describe('a crash loop', () => {
  it('CO-7 is called one by up, which does not wait for ever, by ps and on the timeline', async () => {
    const { code, stderr } = await daemon.cli(['up', '-d', file('looping')]);
    expect([code, stderr]).toEqual([3, expect.stringContaining('"broken" is in a crash loop: it ended 5 times')]);
    expect(stderr).toContain('it ended with exit code 7: no disk');
    expect((await daemon.cli(['ps', '--app', 'looping'])).stdout).toMatch(/ broken +service +crash-loop/);
    const { stdout } = await daemon.cli(['events', '--app', 'looping']);
    expect(stdout).toMatch(/service\.crash-loop +looping\/broken/);
    expect(await daemon.cli(['down', 'looping'])).toMatchObject({ code: 0 });
    expect(await ask('looping')).toEqual({ instances: [], services: [] });
  });
});

describe('a condition that fails', () => {
  const up = async (environment: Record<string, string>) =>
    await daemon.cli(['up', '-d', file('hopeless')], { environment });

  it('ends up with an error that names both services, the condition and what happened', async () => {
    const sick = await up({ SICK: '1' });
    expect([sick.code, sick.stderr]).toEqual([
      3,
      expect.stringMatching(
        /Cannot start "web": it depends on "sick" with the condition service_healthy, and "sick" is unhealthy: .*feverish/,
      ),
    ]);
    const job = await up({ JOB: '5' });
    expect([job.code, job.stderr]).toEqual([
      3,
      expect.stringContaining(
        'Cannot start "web": it depends on "job" with the condition service_completed_successfully, and ' +
          'cannot start "job": it ended with exit code 5: no table',
      ),
    ]);
    const unchecked = await up({ CONDITION: 'service_healthy' });
    expect(unchecked.stderr).toContain('"job" has no health check');
    expect((await ask('hopeless')).instances.map(({ name }) => name)).not.toContain('web');
  });

  it('that nobody can meet holds up no down, which ends the up that waits for it', async () => {
    const project = 'waiting';
    const environment = { JOB: '$(/bin/busybox sleep 1000000)' };
    const waiting = daemon.up(file('hopeless'), { project, environment }).catch((error: unknown) => String(error));
    await expect.poll(async () => await service(project, 'job'), patiently).toMatchObject({ state: 'running' });
    expect(await daemon.cli(['down', project])).toMatchObject({ code: 0 });
    expect(await waiting).toContain('CONFLICT: What was being done to "waiting" was given up for a newer "minke down"');
    expect(await ask(project)).toEqual({ instances: [], services: [] });
  });

  it('ends nothing where what fails is not required', async () => {
    await daemon.cli(['down', 'hopeless']);
    const { code } = await up({ SICK: '1', REQUIRED: 'false' });
    expect(code).toBe(0);
    expect(await service('hopeless', 'web')).toMatchObject({ state: 'running' });
    expect((await events('hopeless')).map(({ kind }) => kind)).toContain('deploy.went-on');
  });
});
