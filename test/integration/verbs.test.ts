import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstancesAnswer, TopAnswer } from '../../src/api/types.ts';
import { atTerminal } from '../../src/dockerapi/docker-cli.fixture.ts';
import { minkeProgram, type CliResult, type TestDaemon } from './daemon.ts';
import { loadBusybox } from './door-images.ts';
import { fixtureApp } from './isolation-fixtures.ts';
import { startOn, type OnEngine } from './on-engine.ts';

/** For what is looked for until it is so: often, and long enough for a machine that is busy with something else. */
const patiently = { interval: 20, timeout: 60_000 };

describe.each(['sandbox', 'docker'] as const)('the verbs of docker compose with the engine %s', (engine) => {
  let daemon: TestDaemon;
  let purge: OnEngine['purge'];
  beforeAll(async () => {
    ({ daemon, purge } = await startOn(engine));
    await loadBusybox(daemon, ['busybox']);
    await daemon.up(fixtureApp('verbs'));
  });
  afterAll(async () => {
    expect(await purge(), 'left on the host').toEqual([]);
  });

  const minke = async (...args: readonly string[]): Promise<CliResult> =>
    await daemon.cli([args[0] ?? '', '--app', 'verbs', ...args.slice(1)]);
  const ok = (stdout: string): object => ({ code: 0, stdout, stderr: '' });
  const list = async (): Promise<InstancesAnswer> =>
    await daemon.api.json<InstancesAnswer>('instances', { query: { app: 'verbs' } });
  const statesOf = async (name: string): Promise<string[]> =>
    (await list()).services.filter((row) => row.name === name).map(({ state }) => state);
  const logsOf = async (name: string): Promise<string> => (await minke('logs', name)).stdout;

  it('CO-2 exec: in the place of the service, with its environment, and with the exit code of the command', async () => {
    expect(await minke('exec', 'web', 'sh', '-c', 'echo $WHO; pwd; id -u; exit 7')).toEqual({
      code: 7,
      stdout: 'web\n/kept\n0\n',
      stderr: '',
    });
    expect(
      await minke('exec', '-e', 'WHO=me', '-w', '/', '-u', '65534', 'web', 'sh', '-c', 'echo $WHO; pwd; id -u'),
    ).toEqual(ok('me\n/\n65534\n'));
    expect(await minke('exec', 'web', 'sh', '-c', 'echo out; echo err >&2')).toEqual({
      code: 0,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  it('CO-2 exec: input goes in whole, and its end is told', async () => {
    const input = 'a line\n'.repeat(50_000);
    const { code, stdout } = await daemon.cli(['exec', '--app', 'verbs', '-T', 'web', 'cat'], { input });
    expect({ code, isWhole: stdout === input }).toEqual({ code: 0, isWhole: true });
  });

  it('CO-2 exec --index: one of several, and says which there are', async () => {
    const { instances } = await list();
    for (const replica of [1, 2]) {
      const id = instances.find((row) => row.name === 'web' && row.replica === replica)?.id;
      expect(await minke('exec', `--index=${replica}`, 'web', 'sh', '-c', 'echo $MINKE_INSTANCE')).toEqual(
        ok(`${id}\n`),
      );
    }
    expect(await minke('exec', '--index', '3', 'web', 'true')).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^minke: "web" has no instance 3; there are 1 \(\w{12}\), 2 \(\w{12}\)\n$/),
    });
  });

  it('CO-2 exec: says what is wrong with the name and with the program', async () => {
    expect(await minke('exec', 'job', 'true')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'minke: "job" does not run at the moment; minke ps shows what does\n',
    });
    expect(await minke('exec', 'web', 'nothere')).toEqual({
      code: 127,
      stdout: '',
      stderr: expect.stringContaining('nothere'),
    });
  });

  it('CO-2 exec at a terminal: what is typed goes in, Ctrl-C too, and the size is that of here', async () => {
    const line = `${minkeProgram} exec --app verbs web sh`;
    const { code, out } = await atTerminal(line, { MINKE_DATA: daemon.dataFolder }, [
      ['# ', 'stty size; echo $((40+2))\r'],
      ['42', `sh -c 'trap "exit 9" INT; echo aw""ake; while :; do sleep 0.1; done'; exit $?\r`],
      ['awake', '\u0003'],
    ]);
    expect({ code, out }).toEqual({ code: 9, out: expect.stringContaining('\r\n33 111\r\n42\r\n') });
  });

  it('CO-2 exec: ends with its caller, and goes on with -d', async () => {
    const caller = spawn(minkeProgram, ['exec', '--app', 'verbs', 'web', 'sh', '-c', 'echo here; exec sleep 4321'], {
      env: { ...process.env, MINKE_DATA: daemon.dataFolder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(caller.stdout, 'data');
    const commands = async (): Promise<string> => (await minke('top', 'web')).stdout;
    expect(await commands()).toContain('sleep 4321');
    caller.kill('SIGKILL');
    await expect.poll(commands, patiently).not.toContain('sleep 4321');
    expect(await minke('exec', '-d', 'web', 'sleep', '1234')).toEqual(ok(''));
    await expect.poll(commands, patiently).toContain('sleep 1234');
    expect(await minke('exec', 'web', 'sh', '-c', 'kill $(pidof sleep | cut -d" " -f1)')).toEqual(ok(''));
    await expect.poll(commands, patiently).not.toContain('sleep 1234');
  });

  it('CO-2 top: the processes of each instance', async () => {
    const { instances } = JSON.parse((await minke('top', '--format', 'json')).stdout) as TopAnswer;
    expect(instances.map(({ name, replica, processes }) => [name, replica, processes.length])).toEqual([
      ['web', 1, 1],
      ['web', 2, 1],
    ]);
    expect((await minke('top', 'web')).stdout).toMatch(/^web\.1\nUID .*CMD\n.* sleep 1000000\n\nweb\.2\nUID .*\n.*\n$/);
  });

  it('CO-2 run: one more of a service, with a command of its own, what it has of volumes, and gone afterwards', async () => {
    expect(await minke('exec', 'web', 'sh', '-c', 'echo whale >file')).toEqual(ok(''));
    expect(await minke('run', 'web', 'sh', '-c', 'cat file; echo $WHO')).toEqual(ok('whale\nweb\n'));
    expect((await list()).instances).toHaveLength(2);
  });

  it.skipIf(engine === 'docker')(
    'DR-2 run and exec: a reader that takes its time gets all that was written (the same command line, whatever the engine)',
    () => {
      for (const verb of ['run', 'exec']) {
        const line = `${minkeProgram} ${verb} --app verbs web sh -c 'yes $(seq 1000) | head -c 1000000' | (sleep 1; wc -c)`;
        const { stdout } = spawnSync('bash', ['-c', line], {
          env: { ...process.env, MINKE_DATA: daemon.dataFolder },
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        expect([verb, stdout.toString()]).toEqual([verb, '1000000\n']);
      }
    },
  );

  it('CO-2 rm: leaves what runs, forgets what does not with its output, and -s stops first', async () => {
    await expect.poll(async () => await statesOf('job'), patiently).toEqual(['completed']);
    expect(await logsOf('job')).toContain('worked');
    expect(await minke('rm')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^verbs: removed all services/) });
    expect(await statesOf('job')).toEqual([]);
    expect(await logsOf('job')).toBe('');
    expect(await statesOf('web')).toEqual(['running', 'running']);
    expect(await minke('rm', 'web')).toMatchObject({ code: 0, stdout: 'verbs: nothing had to change\n' });
    expect((await minke('rm', '-s', '-f', 'web')).stdout).toMatch(/^verbs: removed web/);
    expect((await list()).instances).toEqual([]);
    expect(await statesOf('web')).toEqual([]);
    expect(await logsOf('web')).toBe('');
    expect(await minke('rm', 'nobody')).toMatchObject({ code: 1, stderr: expect.stringContaining('"nobody"') });
  });

  it('CO-2 what was removed stays so for the next daemon, and up brings it back with its volumes', async () => {
    await daemon.end('SIGTERM');
    await daemon.restart();
    expect((await list()).services).toEqual([]);
    expect(await daemon.up(fixtureApp('verbs'))).toEqual({ changed: true });
    expect(await statesOf('web')).toEqual(['running', 'running']);
    expect(await minke('exec', 'web', 'cat', 'file')).toEqual(ok('whale\n'));
  });
});
