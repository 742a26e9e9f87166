import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { MinkeError } from '../errors/index.ts';
import { sendJson, sendLines, type Script, type StandIn } from '../sdk/testing/stand-in.ts';
import { cli, shell, startCli, type CliOptions, type CliResult } from './testing/cli.ts';
import { base64, dbId, startAppStandIn } from './testing/daemon.ts';

let daemon: StandIn;
const start = async (overrides: Script = {}): Promise<(line: string, options?: CliOptions) => Promise<CliResult>> => {
  daemon = await startAppStandIn(overrides);
  await writeFile(join(daemon.folder, 'compose.yml'), 'services: {}\n');
  return (line, options = {}) => cli(line.split(' '), { env: daemon.env, cwd: daemon.folder, ...options });
};
afterEach(() => daemon?.close());

const problem = (line: number, key: string): ReturnType<MinkeError['toJSON']> =>
  new MinkeError('APP_FILE_UNKNOWN_KEY', {
    place: `compose.yaml:${line}`,
    key,
    mend: `Did you mean "${key}x"?`,
  }).toJSON();

describe('apps', () => {
  it('up -d: quiet while it works, then says what is up and where; the file is found in a folder above', async () => {
    const minke = await start();
    const deep = join(daemon.folder, 'a', 'b');
    await mkdir(deep, { recursive: true });
    const { stdout, stderr, code } = await minke('up -d', { cwd: deep });
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout).toMatch(/^voting is up \(\d+ ms\)\n {2}vote {2}http:\/\/127\.0\.0\.1:8080\/vote\n$/);
  });

  it('up: override beside the file, files by name, folder and option, and the name of the app reach the daemon', async () => {
    const seen: unknown[] = [];
    const minke = await start({
      up: ({ json }, answer) => {
        seen.push(json());
        sendLines(answer, [{ done: true, changed: false }]);
      },
    });
    const at = (name: string): string => join(daemon.folder, name);
    await writeFile(at('compose.override.yaml'), '');
    await mkdir(at('other'));
    await writeFile(at('other/docker-compose.yaml'), '');
    expect((await minke('up -d')).stdout).toMatch(/^voting is up already, nothing had to change\n/);
    await minke('up --wait -p mine -f compose.yml other');
    expect(seen).toMatchObject([
      { files: [at('compose.yml'), at('compose.override.yaml')], environment: { MINKE_DATA: daemon.folder } },
      { files: [at('compose.yml'), at('other/docker-compose.yaml')], project: 'mine' },
    ]);
  });

  it('up --format json: one document, with the steps that were taken', async () => {
    const minke = await start();
    expect(JSON.parse((await minke('up --format json')).stdout)).toEqual({
      app: 'voting',
      changed: true,
      steps: [
        { step: 'Pack', subject: 'vote', ms: 310 },
        { step: 'Start', subject: 'db', ms: 25 },
      ],
      addresses: [{ name: 'vote', url: 'http://127.0.0.1:8080/vote' }],
    });
  });

  it('up in the foreground follows the logs and brings the app down at Ctrl-C: exit 130', async () => {
    await start();
    const { child, result } = startCli(['up'], { env: daemon.env, cwd: daemon.folder });
    child.stdout?.on('data', (chunk: Buffer) => chunk.includes('two') && child.kill('SIGINT'));
    const { stdout, stderr, code } = await result;
    expect({ stderr, code }).toEqual({ stderr: '', code: 130 });
    expect(stdout).toMatch(/^voting is up [^]*vote-eeee \| two\n[^]*voting is down \(\d+ ms\)\n$/);
    expect(daemon.seen).toContain('DELETE /minke/v1/apps/voting?volumes=false');
  });

  it('all problems of an app file are told, each with its hint: exit 1', async () => {
    const body = { error: problem(3, 'imag'), problems: [problem(3, 'imag'), problem(9, 'port')] };
    const minke = await start({ config: (_, answer) => sendJson(answer, body, 400) });
    const said = [
      'minke: Cannot read compose.yaml:3: "imag" is not a key',
      'hint: Did you mean "imagx"?',
      'minke: Cannot read compose.yaml:9: "port" is not a key',
      'hint: Did you mean "portx"?',
      '',
    ].join('\n');
    for (const line of ['up -d', 'config', 'down']) {
      expect(await minke(line)).toEqual({ stdout: '', stderr: said, code: 1 });
    }
  });

  it('up: a failure half-way is the error, and an answer that stops without an end is one too', async () => {
    const failed = new MinkeError('INSTANCE_START_FAILED', { name: 'db', reason: 'no such file' });
    const minke = await start({
      up: (_, answer) =>
        sendLines(answer, [{ step: 'Start', subject: 'db', state: 'begun' }, { error: failed.toJSON() }]),
    });
    expect(await minke('up -d')).toEqual({ stdout: '', stderr: 'minke: Cannot start "db": no such file\n', code: 3 });
    await daemon.close();
    const cut = await start({ up: (_, answer) => sendLines(answer, [{ step: 'Start', state: 'begun' }]) });
    expect(await cut('up -d')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('it ended before the work was done'),
    });
  });

  it('up --engine insists on the engine of the daemon', async () => {
    const minke = await start();
    expect((await minke('up -d --engine sandbox')).code).toBe(0);
    const other = await minke('up -d --engine docker');
    expect(other.stderr).toBe(
      'minke: --engine docker is not supported: the daemon that answers runs on the engine "sandbox"\n',
    );
    expect(other.code).toBe(1);
  });

  it('down by the file here, by name and by file; -v takes the volumes', async () => {
    const minke = await start();
    expect((await minke('down')).stdout).toMatch(/^voting is down \(\d+ ms\)\n$/);
    expect((await minke('down voting -v', { cwd: '/' })).code).toBe(0);
    expect((await minke('down compose.yml')).code).toBe(0);
    expect(daemon.seen.filter((line) => line.startsWith('DELETE'))).toEqual([
      'DELETE /minke/v1/apps/voting?volumes=false',
      'DELETE /minke/v1/apps/voting?volumes=true',
      'DELETE /minke/v1/apps/voting?volumes=false',
    ]);
    expect(await minke('down shop')).toEqual({
      stdout: '',
      stderr: 'minke: Cannot find the app "shop"\nhint: minke ps shows the apps that run.\n',
      code: 1,
    });
  });

  it('scale, stop, start and restart ask for it and say what was done, or that there was nothing to do', async () => {
    const seen: unknown[] = [];
    const answer =
      (verb: string): NonNullable<Script['scale']> =>
      ({ parameters, json }, response) => {
        seen.push([verb, parameters['app'], json()]);
        sendLines(response, [{ done: true, changed: verb !== 'start' }]);
      };
    const minke = await start({
      scale: answer('scale'),
      stop: answer('stop'),
      start: answer('start'),
      restart: answer('restart'),
    });
    expect((await minke('scale web=3 db=0')).stdout).toMatch(/^voting: scaled web=3, db=0 \(\d+ ms\)\n$/);
    expect((await minke('stop web db --app shop')).stdout).toMatch(/^shop: stopped web, db \(\d+ ms\)\n$/);
    expect((await minke('start')).stdout).toBe('voting: nothing had to change\n');
    expect((await minke('restart')).stdout).toMatch(/^voting: restarted all services \(\d+ ms\)\n$/);
    expect(JSON.parse((await minke('stop web --format json')).stdout)).toEqual({
      app: 'voting',
      changed: true,
      steps: [],
    });
    expect(seen.slice(0, 4)).toEqual([
      ['scale', 'voting', { replicas: { web: 3, db: 0 } }],
      ['stop', 'shop', { services: ['web', 'db'] }],
      ['start', 'voting', { services: [] }],
      ['restart', 'voting', { services: [] }],
    ]);
  });

  it('ps: names the place of each instance where a service has several', async () => {
    const row = { app: 'shop', kind: 'service', state: 'running', startedAt: 0 } as const;
    const instances = [
      { ...row, id: '1'.repeat(64), name: 'web', replica: 1 },
      { ...row, id: '2'.repeat(64), name: 'web', replica: 2 },
      { ...row, id: '3'.repeat(64), name: 'db', replica: 1 },
    ];
    const services = [{ app: 'shop', name: 'web', replica: 3, state: 'restarting', restarts: 1 }];
    const minke = await start({ instances: (_, answer) => sendJson(answer, { instances, services }) });
    const names = (await minke('ps')).stdout.split('\n').map((line) => line.split(/ +/)[2]);
    expect(names).toEqual(['NAME', 'web.1', 'web.2', 'db', 'web.3', undefined]);
    expect((await minke('ps --tree')).stdout).toMatch(/^shop\n├─ web\.1 .*\n├─ web\.2 .*\n└─ db .*\n$/);
  });

  it('ps: an aligned table, a tree by who started whom, JSON, and ended runs with -a', async () => {
    const minke = await start();
    const table = (await minke('ps')).stdout.split('\n');
    expect(table[0]).toBe('ID             APP      NAME          KIND      STATE                      AGE   ADDRESS');
    expect(table[1]).toBe(
      `${dbId.slice(0, 12)}   voting   db            service   running (healthy)          2h    10.1.0.2`,
    );
    expect(table[2]).toMatch(/vote {10}cgi {7}running {20}\d+s +-$/);
    expect(table[4]).toMatch(/^- +voting +job +service +crash-loop \(exit code 3\) +- +-$/);
    expect((await minke('ps --tree')).stdout).toMatch(/^voting\n├─ db .*\n└─ vote .*\n {3}└─ record-vote .*\n$/);
    expect(JSON.parse((await minke('ps --format json')).stdout)).toHaveProperty('instances.length', 3);
    await minke('run record-vote alice a');
    expect((await minke('ps -a')).stdout).toMatch(
      /\n\nRUN .*\n\w{12} {3}voting {3}record-vote {3}succeeded {3}0 .* alice a\n$/,
    );
  });

  it('logs: whole lines under their names, even when chunks cut them', async () => {
    const minke = await start();
    const lines = (await minke('logs')).stdout.split('\n');
    expect(lines).toEqual([
      'vote-eeee | one',
      'vote-eeee | two',
      'db-dbdb   | ready to accept',
      'db-dbdb   | no end',
      '',
    ]);
    expect((await minke('logs vote')).stdout).toBe('vote-eeee | one\nvote-eeee | two\n');
    expect(JSON.parse((await minke('logs db --format json')).stdout)[0]).toMatchObject({
      data: base64('ready to acc'),
    });
    expect(daemon.seen.at(-1)).toBe('GET /minke/v1/logs?app=voting&name=db&follow=false');
  });

  it('logs -f ends quietly at Ctrl-C, and when its reader goes away', async () => {
    await start();
    const { child, result } = startCli(['logs', '-f'], { env: daemon.env, cwd: daemon.folder });
    child.stdout?.once('data', () => child.kill('SIGINT'));
    expect(await result).toMatchObject({ code: 130, stderr: '' });
    const chatty: Script['logs'] = (_, answer) => {
      const line = JSON.stringify({
        name: 'db',
        instance: dbId,
        stream: 'stdout',
        at: 1,
        data: base64('x\n'.repeat(5_000)),
      });
      const more = (): void =>
        void answer.write(`${line}\n`, (error) => (error === null || error === undefined) && more());
      more();
    };
    await daemon.close();
    await start({ logs: chatty });
    const deaf = await shell('minke logs -f | head -n 1', { env: daemon.env, cwd: daemon.folder });
    expect(deaf).toEqual({ stdout: 'db-dbdb | x\n', stderr: '', code: 141 });
  });

  it('config prints the model, or nothing with -q; events print a line each', async () => {
    const minke = await start();
    expect(JSON.parse((await minke('config')).stdout)).toMatchObject({ name: 'voting', services: { vote: {} } });
    expect(await minke('config -q')).toEqual({ stdout: '', stderr: '', code: 0 });
    const warning = 'warning: Cannot use compose.yml:3: "ports" is not supported: not here. Take it out.\n';
    expect(await minke('config -q --profile debug')).toEqual({ stdout: '', stderr: warning, code: 0 });
    const { stdout } = await minke('events --since 10m');
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d {2}instance\.started +voting\/vote +e{12} {2}ms=11\n$/);
  });
});

describe('runs', () => {
  it('DR-1 DR-2 run: exact stdout and stderr, arguments, environment and app as they were given', async () => {
    const minke = await start();
    const { stdout, stderr, code } = await minke('run -e COLOUR=red record-vote alice -d --help');
    expect({ stdout, stderr, code }).toEqual({ stdout: 'voting alice -d --help red\n', stderr: 'stored\n', code: 0 });
    expect((await minke('run alpine:3 ls -l')).stdout).toBe('ls -l');
    const own = await minke('run -eCOLOUR --app shop record-vote', { env: { ...daemon.env, COLOUR: 'blue' } });
    expect(own.stdout).toBe('shop blue\n');
  });

  it('DR-2 run exits with the own code of the container, and lets it speak for itself', async () => {
    const minke = await start();
    expect(await minke('run fail')).toEqual({ stdout: '', stderr: 'no such voter\n', code: 42 });
    const { stderr, code } = await minke('run greedy');
    expect(stderr).toMatch(/^minke: "greedy" was ended by the kernel: it wanted more than its 512 MiB of memory\n/);
    expect(code).toBe(137);
    expect(await minke('run nobody')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Cannot find "nobody"'),
    });
  });

  it('run -i passes stdin on', async () => {
    const minke = await start();
    expect((await minke('run -i record-vote', { input: 'from a pipe' })).stdout).toBe('voting \nfrom a pipe');
  });

  it('a daemon that goes away while a run is followed: exit 3, and where the run can be found again', async () => {
    const minke = await start({ runLogs: (_, answer) => answer.destroy() });
    expect(await minke('run record-vote')).toEqual({
      stdout: '',
      stderr:
        `minke: The connection to ${daemon.socketPath} broke off: the daemon ended, or closed it\n` +
        'hint: What was accepted goes on: minke runs ls\n',
      code: 3,
    });
  });

  it('Ctrl-C while stdin is read starts nothing: exit 130', async () => {
    await start();
    const { child, result } = startCli(['run', '-i', '--app', 'voting', 'record-vote'], { env: daemon.env });
    // More than a pipe holds: once it is written, the command reads.
    child.stdin?.write(Buffer.alloc(1_000_000), () => child.kill('SIGINT'));
    expect(await result).toEqual({ stdout: '', stderr: '', code: 130 });
    expect(daemon.seen).toEqual([]);
  });

  it('run --format json: one document with the run and its output', async () => {
    const minke = await start();
    const { stdout, code } = await minke('run --format json fail');
    expect(JSON.parse(stdout)).toMatchObject({
      run: { state: 'failed', exitCode: 42 },
      stdout: '',
      stderr: 'no such voter\n',
    });
    expect(code).toBe(42);
  });

  it('Ctrl-C in a foreground run cancels it: exit 130', async () => {
    await start();
    const { child, result } = startCli(['run', 'hang'], { env: daemon.env, cwd: daemon.folder });
    child.stdout?.once('data', () => child.kill('SIGINT'));
    expect(await result).toEqual({ stdout: 'waiting\n', stderr: '', code: 130 });
    expect(daemon.seen.some((line) => line.endsWith('/cancel'))).toBe(true);
  });

  it('DR-3 run -d prints an id; runs show, wait, logs and ls tell the rest', async () => {
    const minke = await start();
    const { stdout } = await minke('run -d record-vote alice a');
    const id = stdout.trim();
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await minke(`runs wait ${id.slice(0, 64)}`)).toEqual({ stdout: 'succeeded\n', stderr: '', code: 0 });
    expect(await minke(`runs logs ${id}`)).toEqual({ stdout: 'voting alice a \n', stderr: 'stored\n', code: 0 });
    expect((await minke(`runs show ${id}`)).stdout).toMatch(
      /target +record-vote\narguments +\["alice","a"\]\nstate +succeeded\nexit code +0\n/,
    );
    expect(JSON.parse((await minke(`runs show ${id} --format json`)).stdout)).toMatchObject({ run: { id } });
    expect((await minke('runs ls --state succeeded')).stdout.split('\n')).toHaveLength(3);
    expect((await minke('runs ls --state failed')).stdout).toMatch(/^RUN .*\n$/);
    expect(await minke('runs show 123')).toMatchObject({ code: 1, stderr: 'minke: Cannot find the run "123"\n' });
  });

  it('runs cancel ends a run; wait gives up after its time-out and tells how a run ended', async () => {
    const minke = await start();
    const id = (await minke('run -d hang')).stdout.trim();
    expect(await minke(`runs wait ${id} --timeout 50ms`)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('did not end within 0.05 s'),
    });
    expect((await minke(`runs cancel ${id}`)).stdout).toBe(`${id}\n`);
    expect(await minke(`runs wait ${id}`)).toMatchObject({ code: 137, stdout: 'cancelled\n' });
    expect(await minke(`runs cancel ${id}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('it is cancelled'),
    });
  });

  it('call: JSON from the line, from a file and from stdin; the answer as it came', async () => {
    const minke = await start();
    const typed = (sent: string): unknown => ({ type: 'application/json', sent });
    expect(JSON.parse((await minke('call count --data {"a":1}')).stdout)).toEqual(typed('{"a":1}'));
    await writeFile(join(daemon.folder, 'vote.json'), '[2]');
    expect(JSON.parse((await minke('call count --data @vote.json')).stdout)).toEqual(typed('[2]'));
    const piped = await minke('call count --data - --type text/plain', { input: 'hi' });
    expect(JSON.parse(piped.stdout)).toEqual({ type: 'text/plain', sent: 'hi' });
    expect(await minke('call nobody')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Cannot find "nobody"'),
    });
    expect(await minke('call count --data @nix')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Cannot read --data @nix'),
    });
  });
});

describe('images and the daemon', () => {
  it('images and load', async () => {
    const minke = await start();
    expect((await minke('images')).stdout).toBe(
      'REFERENCE   IMAGE ID       SIZE\nalpine:3    0a0a0a0a0a0a   3.3 MiB\n',
    );
    await writeFile(join(daemon.folder, 'image.tar'), Buffer.alloc(200_000));
    expect((await minke('load image.tar')).stdout).toBe('Loaded acme/api:1 (sha256:200000)\n');
    expect((await minke('load -', { input: 'tar' })).stdout).toBe('Loaded acme/api:1 (sha256:3)\n');
    expect(await minke('load nix.tar')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Cannot read "nix.tar"'),
    });
    expect(await minke('load .')).toMatchObject({ code: 2, stderr: 'minke: Cannot read ".": it is not a file\n' });
  });

  it('CO-2 pull: one image, or each of the app file once, and not what it builds', async () => {
    const asked: (string | null)[] = [];
    const services = {
      web: { image: 'acme/web:1' },
      db: { image: 'redis:7' },
      cache: { image: 'redis:7' },
      own: { build: {}, image: 'own' },
    };
    const minke = await start({
      config: (_, answer) => sendJson(answer, { model: { name: 'voting', services }, warnings: [] }),
      imagePull: ({ query }, answer) => {
        const reference = query.get('reference');
        asked.push(reference);
        sendLines(answer, [{ done: true, images: [{ reference, id: `sha256:${asked.length}`, sizeBytes: 1 }] }]);
      },
    });
    expect((await minke('pull')).stdout).toBe('Pulled acme/web:1 (sha256:1)\nPulled redis:7 (sha256:2)\n');
    expect((await minke('pull alpine:3')).stdout).toBe('Pulled alpine:3 (sha256:3)\n');
    expect(asked).toEqual(['acme/web:1', 'redis:7', 'alpine:3']);
  });

  it('status: who answers where', async () => {
    const minke = await start();
    expect((await minke('status')).stdout).toBe(
      [
        'daemon   minke 0.1.0, pid 4711, for 3m',
        `socket   ${daemon.socketPath}`,
        'data     /data',
        'gateway  http://127.0.0.1:8080',
        'engine   sandbox, crun 1.8',
        'secret   /data/callback.secret, which signs call-backs',
        'apps     1',
        'runs     9 accepted = 1 waiting + 1 in flight + 4 settled + 1 dead + 2 removed',
        '',
      ].join('\n'),
    );
    expect(JSON.parse((await minke('--format json status')).stdout)).toMatchObject({ pid: 4711 });
  });

  it('shutdown waits until the daemon is gone', async () => {
    const minke = await start({
      shutdown: ({ json }, answer) => {
        sendJson(answer, { got: json() }, 202);
        answer.once('finish', () => void daemon.close());
      },
    });
    expect(await minke('shutdown --purge')).toEqual({
      stdout: 'The daemon has ended and its data is removed\n',
      stderr: '',
      code: 0,
    });
  });

  it('doctor tells what the machine has, what it lacks, what that means and what mends it', async () => {
    const minke = await start();
    const { stdout } = await minke('doctor');
    expect(stdout).toMatch(/^✓ system +Linux/m);
    expect(stdout).toMatch(/^✓ daemon +minke 0\.1\.0, pid 4711, engine sandbox$/m);
    const bare = await minke('doctor --format json', {
      env: { ...daemon.env, PATH: '/nonexistent', MINKE_RUNTIME: 'crun' },
    });
    const { sandbox, findings } = JSON.parse(bare.stdout) as {
      sandbox: boolean;
      findings: { name: string; state: string }[];
    };
    expect(findings.find(({ name }) => name === 'crun')).toMatchObject({
      state: 'lacks',
      found: 'not found',
      means: 'Cannot find "crun", which runs containers',
      mend: expect.stringContaining('install'),
      hint: expect.stringMatching(/^Install it: .*install/),
    });
    expect({ sandbox, code: bare.code }).toEqual({ sandbox: false, code: 1 });
  });
});
