import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Run } from '../../src/sdk/types.ts';
import { runCli, startDaemon, type CliResult, type TestDaemon } from './daemon.ts';
import { busyboxArchive } from './door-images.ts';
import { fixtureApp } from './isolation-fixtures.ts';
import { leftoversOf } from './leftovers.ts';

const program = fileURLToPath(new URL('../../bin/minke', import.meta.url));
const here = dirname(fixtureApp('cli'));
const id = /^[0-9a-f]{64}\n$/;
const archive = busyboxArchive(['busybox']);
afterAll(() => archive.remove());

const ok = (stdout: string | RegExp): object => ({
  code: 0,
  stdout: typeof stdout === 'string' ? stdout : expect.stringMatching(stdout),
  stderr: '',
});

const instancesIn = ({ stdout }: CliResult): [{ id: string }] =>
  (JSON.parse(stdout) as { instances: [{ id: string }] }).instances;

describe('minke, from the first command on', () => {
  const folder = mkdtempSync(join(tmpdir(), 'minke-cli-'));
  const dataFolder = join(folder, 'data');
  const minke = async (...args: readonly string[]): Promise<CliResult> => await runCli(dataFolder, args, { cwd: here });
  const given = async (input: string, ...args: readonly string[]): Promise<CliResult> =>
    await runCli(dataFolder, args, { cwd: here, input });
  beforeAll(() => vi.stubEnv('MINKE_GATEWAY', '127.0.0.1:0'));
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  it('says that no daemon answers, with exit code 3', async () => {
    const nobody = {
      code: 3,
      stdout: '',
      stderr: `minke: No daemon answers at ${dataFolder}/minke.sock\nhint: Start one: minke serve\n`,
    };
    expect(await minke('ps')).toEqual(nobody);
    expect(await minke('shutdown', '--purge')).toEqual(nobody);
  });

  it('up starts a daemon that outlives the command, and says which image is missing', async () => {
    expect(await minke('up', '-d')).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(
        /^minke: Cannot pull "busybox": docker.io cannot be reached: .*\nhint: .*docker save busybox \| minke load -\n$/,
      ),
    });
    expect(await minke('status')).toEqual(
      ok(/^daemon +minke \S+, pid \d+, for \d+s\nsocket .*\ndata .*\ngateway +http:\/\//),
    );
  });

  it('load and images take an image in and list it', async () => {
    expect(await minke('load', archive.path)).toEqual(ok(/^Loaded busybox:latest \(sha256:[0-9a-f]{64}\)\n$/));
    expect(await minke('images')).toEqual(ok(/^REFERENCE +IMAGE ID +SIZE\nbusybox:latest +[0-9a-f]{12} +2\.\d MiB\n$/));
  });

  it('up brings the app up and tells its addresses; a second one has nothing to do', async () => {
    const addresses = String.raw`  web   http://127.0.0.1:\d+/web\n  page  http://127.0.0.1:\d+/page\n`;
    const first = await minke('up', '-d');
    expect(first).toEqual(ok(new RegExp(`^cli is up \\(.*\\)\n${addresses}$`)));
    expect(await minke('up', '-d')).toEqual(ok(new RegExp(`^cli is up already, nothing had to change\n${addresses}$`)));
    const url = /http:\S+\/page/.exec(first.stdout)?.[0] ?? '';
    expect(await (await fetch(`${url}/deep`)).json()).toEqual({ path: '/deep', sent: null });
    expect(await (await fetch(url.replace(/page$/, 'web/index.html'))).text()).toBe('whale\n');
  });

  it('ps, ps --tree and logs show what lives and what it wrote', async () => {
    expect(await minke('ps')).toEqual(
      ok(/^ID +APP +NAME +KIND +STATE +AGE +ADDRESS\n[0-9a-f]{12} +cli +web +service +running +\d+s +10\.\S+\n$/),
    );
    expect(await minke('ps', '--tree')).toEqual(ok(/^cli\n└─ web {2}[0-9a-f]{12} {2}service, running, \d+s\n$/));
    expect(await minke('logs')).toEqual(ok(/^web-[0-9a-f]{4} \| listening\n$/));
  });

  it('DR-1 DR-2 run hands on output, input and the exit code of the container', async () => {
    expect(await minke('run', 'shell', '-c', 'echo out; echo err >&2; exit 7')).toEqual({
      code: 7,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    expect(await given('in\n', 'run', '-i', 'shell', '-c', 'cat')).toEqual(ok('in\n'));
    expect(await minke('run', '-e', 'A=b c', 'busybox:latest', 'sh', '-c', 'echo "$A"')).toEqual(ok('b c\n'));
    expect(await minke('run', '--timeout', '300ms', 'shell', '-c', 'exec sleep 9')).toMatchObject({
      code: 137,
      // As the first process of its container it hears no SIGTERM that it has not asked for.
      stderr: expect.stringContaining(
        'minke: "shell" was killed (it did not end within 2 s of SIGTERM) after its time-out of 0.3 s\n',
      ),
    });
  });

  it('DR-3 run -d prints an id that the runs commands take, whole or in part', async () => {
    const detached = await minke('run', '-d', 'shell', '-c', 'echo out; exit 3');
    expect(detached).toEqual(ok(id));
    const run = detached.stdout.trim();
    expect(await minke('runs', 'wait', run.slice(0, 12))).toEqual({ code: 3, stdout: 'failed\n', stderr: '' });
    expect(await minke('runs', 'logs', run)).toEqual(ok('out\n'));
    expect(await minke('runs', 'show', run)).toEqual(ok(/\nstate +failed\nexit code +3\n/));
    expect(await minke('runs', 'ls', '-n', '1')).toEqual(
      ok(
        /^RUN +APP +TARGET +STATE +EXIT +AGE +TOOK +ARGUMENTS\n[0-9a-f]{12} +cli +shell +failed +3 .* -c echo out; exit 3\n$/,
      ),
    );
    const long = (await minke('run', '-d', 'shell', '-c', 'trap "exit 1" TERM; sleep 300 & wait')).stdout.trim();
    expect((await minke('runs', 'cancel', long)).code).toBe(0);
    const json = await minke('runs', 'show', long, '--format', 'json');
    expect((JSON.parse(json.stdout) as { run: Run }).run.state).toBe('cancelled');
    expect(await minke('runs', 'cancel', long)).toMatchObject({ code: 1, stderr: expect.stringMatching(/^minke: /) });
  });

  it('call sends JSON and prints the answer as it came', async () => {
    expect(await minke('call', 'page', '--data', '{"a": 1}')).toEqual(ok('{"path":"/","sent":{"a": 1}}'));
    expect(await minke('call', 'shell', '--arg', '-c', '--arg', 'exit 9')).toMatchObject({ code: 1, stdout: '' });
  });

  it('config and events tell what was understood and what happened', async () => {
    const config = await minke('config');
    expect(JSON.parse(config.stdout)).toMatchObject({ name: 'cli', services: { page: { kind: 'cgi' } } });
    const { stdout } = await minke('events', '--app', 'cli');
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d {2}instance\.started +cli\/web +[0-9a-f]{12} {2}kind=service {2}ms=/m);
    expect(stdout).toMatch(/call +cli\/page .* status=200 .* totalMs=\d+(\.\d)?\b/);
  });

  it('tells every problem of an app file with its line and mend, and exits with 1', async () => {
    expect(await minke('up', '-d', fixtureApp('wrong'))).toEqual({
      code: 1,
      stdout: '',
      stderr: [
        'minke: Cannot read compose.yaml:4: "services.web.comand" is not a key',
        'hint: Did you mean "command"?',
        'minke: Cannot read compose.yaml:6: "services.web.x-minke.functon" is not a key',
        'hint: Did you mean "function"?',
        'minke: Cannot read compose.yaml:7: "services.web.x-minke.route" is "web": it must begin with "/", or be the name of a host',
        'hint: Did you mean "/web"?',
        '',
      ].join('\n'),
    });
    expect((await minke('ps')).stdout).not.toContain('wrong');
  });

  it('exits with 2 for what is no command, and with 1 for what is not there', async () => {
    expect(await minke('ups')).toMatchObject({ code: 2, stderr: expect.stringContaining('Did you mean minke up?') });
    expect(await minke('run', 'nobody')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Cannot find "nobody"'),
    });
    expect(await minke('runs', 'show', 'ffff')).toMatchObject({ code: 1 });
  });

  it('doctor says that the sandbox works here, and with which daemon', async () => {
    const found = await minke('doctor');
    expect(found).toMatchObject({ code: 0, stdout: expect.stringContaining('\nThe sandbox works here.\n') });
    expect(found.stdout).toMatch(/✓ daemon +minke \S+, pid \d+, engine sandbox\n/);
  });

  it('shutdown keeps what serve brings back; Ctrl-C ends serve alone, and the next up finds the app as it was', async () => {
    expect(await minke('shutdown')).toEqual(ok('The daemon has ended\n'));
    const child = spawn(program, ['serve', '--data', dataFolder], { stdio: ['ignore', 'ignore', 'pipe'] });
    while ((await minke('status')).code !== 0) expect(child.exitCode).toBeNull();
    const before = await minke('ps', '--format', 'json');
    const closed = once(child, 'close');
    child.kill('SIGINT');
    expect(await closed).toEqual([0, null]);
    expect((await minke('status')).code).toBe(3);
    expect((await minke('up', '-d')).stdout).toContain('cli is up already, nothing had to change\n');
    const [{ id: was }] = instancesIn(before);
    const [{ id: is }] = instancesIn(await minke('ps', '--format', 'json'));
    expect(is).toBe(was);
  });

  it('down -v ends the app and its data, and shutdown --purge everything else', async () => {
    expect(await minke('down', '-v')).toEqual(ok(/^cli is down \(.*\)\n$/));
    expect((await minke('ps')).stdout.trim().split('\n')).toHaveLength(1);
    expect(await minke('shutdown', '--purge')).toEqual(ok('The daemon has ended and its data is removed\n'));
    expect(leftoversOf(dataFolder)).toEqual([]);
  });
});

const hasDocker = spawnSync('docker', ['--version']).status === 0;

describe.skipIf(!hasDocker)(
  "the stock docker CLI at the operator's door (skipped where there is no docker CLI)",
  () => {
    let daemon: TestDaemon;
    beforeAll(async () => {
      daemon = await startDaemon();
      await docker('', 'load', '-i', archive.path);
    });
    afterAll(async () => {
      expect(await daemon.purge(), 'left on the host').toEqual([]);
    });

    const docker = async (input: string, ...args: readonly string[]): Promise<CliResult> => {
      const child = spawn('docker', args, {
        env: {
          PATH: process.env['PATH'] ?? '',
          HOME: '/nonexistent',
          DOCKER_HOST: `unix://${join(daemon.dataFolder, 'minke.sock')}`,
        },
      });
      child.stdin.on('error', () => undefined).end(input);
      const streams = Promise.all([text(child.stdout), text(child.stderr)]);
      const [code] = (await once(child, 'close')) as [number | null];
      const [stdout, stderr] = await streams;
      return { code: code ?? -1, stdout, stderr };
    };

    it('DR-1 runs to the end with exact output, input and exit code', async () => {
      expect(await docker('', 'run', '--rm', 'busybox', 'echo', 'hi')).toEqual(ok('hi\n'));
      expect(await docker('hi\n', 'run', '-i', '--rm', 'busybox', 'cat')).toEqual(ok('hi\n'));
      expect(await docker('', 'run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 9')).toEqual({
        code: 9,
        stdout: 'out\n',
        stderr: 'err\n',
      });
      const megabyte = 'whale '.repeat(180_000);
      expect((await docker(megabyte, 'run', '-i', '--rm', 'busybox', 'cat')).stdout === megabyte).toBe(true);
      expect(await docker('', 'ps', '-aq')).toEqual(ok(''));
    });

    it('DR-3 runs detached; ps, logs, wait, inspect, kill and rm work on it', async () => {
      expect(await docker('', 'run', '-d', '--name', 'quick', 'busybox', 'sh', '-c', 'echo done; exit 4')).toEqual(
        ok(id),
      );
      expect(await docker('', 'wait', 'quick')).toEqual(ok('4\n'));
      expect(await docker('', 'logs', 'quick')).toEqual(ok('done\n'));
      expect(await docker('', 'inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'quick')).toEqual(
        ok('exited 4\n'),
      );
      await docker('', 'run', '-d', '--name', 'long', 'busybox', 'sleep', '300');
      expect(await docker('', 'ps', '--format', '{{.Names}} {{.Image}}')).toEqual(ok(/^long busybox(:latest)?\n$/));
      expect(await docker('', 'kill', 'long')).toEqual(ok('long\n'));
      expect(await docker('', 'wait', 'long')).toEqual(ok('137\n'));
      expect(await docker('', 'rm', 'quick', 'long')).toEqual(ok('quick\nlong\n'));
      expect(await docker('', 'ps', '-aq')).toEqual(ok(''));
    });

    it('shows images, and says of what cannot be that it cannot', async () => {
      expect(await docker('', 'images', '--format', '{{.Repository}}:{{.Tag}}')).toEqual(ok('busybox:latest\n'));
      const volume = ['run', '--rm', '-v', 'kept:/data', 'busybox', 'sh', '-c'];
      expect(await docker('', ...volume, 'echo kept >/data/file')).toEqual(ok(''));
      expect(await docker('', ...volume, 'cat /data/file')).toEqual(ok('kept\n'));
      const pushed = await docker('', 'push', 'busybox');
      expect(pushed).toMatchObject({ code: 1, stderr: expect.stringContaining('minke stores images for itself only') });
    });
  },
);
