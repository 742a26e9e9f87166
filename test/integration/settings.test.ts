import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstanceRow } from '../../src/api/types.ts';
import { placesFor } from '../../src/engines/sandbox/places.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { fixtureApp } from './isolation-fixtures.ts';
import { runsOf, type RunTask } from './isolation-runs.ts';
import { viewOf } from './restart-host.ts';

const file = fixtureApp('settings');
const environment = { WORD: 'swordfish-1', WHO: 'everyone' };

let daemon: TestDaemon;
let runTask: RunTask;

beforeAll(async () => {
  daemon = await startDaemon();
  await daemon.up(file, { environment });
  runTask = runsOf(daemon, 'settings');
});

afterAll(async () => {
  expect(await daemon.purge(), 'left on the host').toEqual([]);
});

describe('what a Compose file sets of a container', () => {
  it('CO-1 is so inside it', async () => {
    const seen = await look();
    expect(seen).toMatchObject({
      files: '512',
      somaxconn: '77',
      shmmax: '1048576',
      domain: 'example.com',
      shm: '4096',
      extra: '192.0.2.7',
      search: 'example.com',
      options: 'options ndots:0 timeout:3 attempts:4',
      adjustment: '444',
      scratch: '700 1234',
      secret: 'swordfish-1 440 1234 1235',
      config: 'seen by everyone 444 7 8',
      writable: 'no',
    });
    expect(seen['groups']?.split(' ')).toContain('77');
    expect(seen['keeper']).toMatch(/^10\./);
    expect([seen['link'], seen['alias']]).toEqual([seen['keeper'], seen['keeper']]);
  });

  it('CO-1 does not outlive it: the next container in its place has the values of a new one', async () => {
    const plain = await runTask('plain', ['/bin/busybox cat /proc/sys/net/core/somaxconn']);
    expect(plain.stdout.trim()).not.toBe('77');
  });

  it('ends a service by its own signal, also after a restart of the daemon', async () => {
    const [keeper] = await keepers();
    await daemon.end('SIGKILL');
    await daemon.restart();
    await daemon.up(file, { environment: { ...environment, WORD: 'swordfish-2' } });
    expect(await viewOf(daemon.dataFolder).output(keeper?.id ?? '')).toContain('quit');
  });
});

/** The daemon, and then the service that nobody looks after; answers which instance that was. */
async function endBoth(): Promise<string> {
  await daemon.end('SIGKILL');
  const [id = ''] = viewOf(daemon.dataFolder).living().lasting;
  const first = viewOf(daemon.dataFolder).firstProcess(id);
  if (first === undefined) throw new Error('the service does not run');
  process.kill(first.pid, 'SIGKILL');
  return id;
}

/** What the service's next instance says. */
async function wordsOfAnother(than: string): Promise<string> {
  const others = async (): Promise<string[]> => (await keepers()).map(({ id }) => id).filter((id) => id !== than);
  await expect.poll(others, { timeout: 60_000 }).toHaveLength(1);
  const [another = ''] = await others();
  return await viewOf(daemon.dataFolder).untilWritten(another, (text) => text.includes('knows'));
}

describe('a secret', () => {
  it('that has changed replaces its service, and one that has not does not', async () => {
    const [before] = await keepers();
    expect(await daemon.up(file, { environment: { ...environment, WORD: 'swordfish-2' } })).toEqual({ changed: false });
    expect((await keepers()).map(({ id }) => id)).toEqual([before?.id]);
    await daemon.up(file, { environment: { ...environment, WORD: 'swordfish-3' } });
    const [after] = await keepers();
    expect(after?.id).not.toBe(before?.id);
    await viewOf(daemon.dataFolder).untilWritten(after?.id ?? '', (text) => text.includes('knows swordfish-3'));
  });

  it('CO-7 is there for a service that has to start anew after a restart of the daemon', async () => {
    const id = await endBoth();
    await daemon.restart();
    expect(await wordsOfAnother(id)).toContain('knows swordfish-3');
  });

  it('CO-7 that cannot be read at a restart of the daemon keeps its service away until it can', async () => {
    const kept = join(daemon.dataFolder, 'contents/settings/secret%2Fword');
    const id = await endBoth();
    renameSync(kept, `${kept}.away`);
    await daemon.restart();
    const failures = async (): Promise<number> =>
      (await daemon.cli(['events'])).stdout.split('restore.failed').length - 1;
    await expect.poll(failures, { timeout: 60_000 }).toBeGreaterThan(1);
    expect(await keepers()).toEqual([]);
    renameSync(`${kept}.away`, kept);
    expect(await wordsOfAnother(id)).toContain('knows swordfish-3');
  });

  it('stands in no answer, no log, no store and no label, and only root may read where it is kept', async () => {
    const config = await daemon.api.json<object>('config', { json: { files: [file], environment } });
    const apps = await daemon.api.json<object>('apps', {});
    expect(JSON.stringify([config, apps])).not.toContain('swordfish');
    expect(daemon.log()).not.toContain('swordfish');
    const holding = spawnSync('grep', ['-rlaF', 'swordfish-3', daemon.dataFolder], { encoding: 'utf8' });
    const kept = holding.stdout.split('\n').filter((line) => line !== '' && !line.includes('/logs/'));
    expect(kept).toEqual([join(daemon.dataFolder, 'contents/settings/secret%2Fword')]);
    expect(statSync(kept[0] ?? '').mode & 0o777).toBe(0o600);
    expect(statSync(join(daemon.dataFolder, 'contents')).mode & 0o777).toBe(0o700);
    const { live } = placesFor(daemon.dataFolder);
    const [id = ''] = readdirSync(live);
    expect(readFileSync(join(live, id, 'instance.json'), 'utf8')).not.toContain('swordfish');
    expect(statSync(join(live, id, 'files')).mode & 0o777).toBe(0o700);
  });

  it('whose variable is not set keeps the app from being started, and nobody from looking at it', async () => {
    const { code, stderr } = await daemon.cli(['up', '-d', '-f', file]);
    expect(code).toBe(1);
    expect(stderr).toContain('"secrets.word.environment" is "WORD": no such variable is set');
    expect((await daemon.cli(['config', '-q', '-f', file])).code).toBe(0);
  });

  it('is gone with its app', async () => {
    for await (const _ of daemon.api.lines('down', { parameters: { app: 'settings' } }));
    expect(existsSync(join(daemon.dataFolder, 'contents/settings'))).toBe(false);
    const left = spawnSync('grep', ['-rlaF', 'swordfish', placesFor(daemon.dataFolder).run], { encoding: 'utf8' });
    expect(left.stdout).toBe('');
  });
});

describe('Compose files of well-known shapes', () => {
  const shapes = fileURLToPath(new URL('../fixtures/compose/', import.meta.url));

  it.each([
    ['three-tier', 'compose.yaml', 'db'],
    ['version-one', 'docker-compose.yml', 'worker'],
    ['extends-and-include', 'compose.yaml', 'batch'],
    ['monitoring', 'compose.yml', 'boards'],
    ['wordpress-mysql', 'docker-compose.yml', 'wordpress'],
  ])('CO-1 %s: config prints the model with every default filled in', async (name, shape, service) => {
    const { code, stdout } = await daemon.cli(['config', '-f', join(shapes, name, shape)]);
    const { services } = JSON.parse(stdout) as { services: Record<string, object> };
    expect(code).toBe(0);
    expect(services[service]).toMatchObject({
      outbound: 'public',
      stopGraceMs: 10_000,
      limits: { pids: 4096 },
      replicas: 1,
    });
  });

  it('CO-1 wordpress-mysql: says all images that are missing where no registry can be reached, and changes nothing', async () => {
    const { code, stderr } = await daemon.cli(['up', '-d'], { cwd: join(shapes, 'wordpress-mysql') });
    expect(code).toBe(3);
    expect(stderr).toContain('minke: Cannot get 2 images: db: Cannot pull "mysql:8.0": ');
    expect(stderr).toContain('; wordpress: Cannot pull "wordpress:');
    expect(stderr).toMatch(/hint: .*docker save mysql:8\.0 wordpress:\S+ \| minke load -/);
    expect((await daemon.cli(['ps', '--app', 'wordpress-mysql'])).stdout).not.toContain('wordpress');
  });

  it('CO-5 a profile that is asked for counts, and what the file does not get is told', async () => {
    const cwd = join(shapes, 'development');
    const plain = await daemon.cli(['config'], { cwd });
    const mail = await daemon.cli(['config', '--profile', 'mail'], { cwd });
    const names = ({ stdout }: { readonly stdout: string }): readonly string[] =>
      Object.keys((JSON.parse(stdout) as { services: object }).services);
    expect([names(plain), names(mail)]).toEqual([['app'], ['app', 'mail']]);
    expect(plain.stderr).toContain(
      'warning: Cannot use compose.yaml:16: "services.app.tty" is not supported: there is no terminal',
    );
  });
});

async function keepers(): Promise<readonly InstanceRow[]> {
  const { instances } = await daemon.api.json<{ instances: readonly InstanceRow[] }>('instances', {});
  return instances.filter(({ name, state }) => name === 'keeper' && state === 'running');
}

/** What a container of `look` says of itself. */
async function look(): Promise<Readonly<Record<string, string>>> {
  const { run, stdout, stderr } = await runTask('look', []);
  expect(run.state, `${run.error?.message}${stderr}`).toBe('succeeded');
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
