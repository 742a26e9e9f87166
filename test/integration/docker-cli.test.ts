import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerAtTerminal, dockerCli, dockerPrograms, type DockerCli } from '../../src/dockerapi/docker-cli.fixture.ts';
import { hasProgram } from '../../src/engines/local/host/program.ts';
import type { TestDaemon } from './daemon.ts';
import { loadBusybox } from './door-images.ts';
import { startOn, type OnEngine } from './on-engine.ts';
import { isWhole } from './whole.ts';

let daemon: TestDaemon;
let purge: OnEngine['purge'];
let door: string;
let folder: string;

async function begin(engine: 'sandbox' | 'docker'): Promise<void> {
  ({ daemon, purge } = await startOn(engine));
  door = join(daemon.dataFolder, 'minke.sock');
  folder = mkdtempSync(join(tmpdir(), 'minke-cli-'));
  await loadBusybox(daemon, ['img']);
}

async function end(): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  expect(await purge(), 'left on the host and in the Docker Engine').toEqual([]);
}

/** Only there to end what hangs. */
const patient = { timeout: 30_000, interval: 100 };

/** Of a web server on this machine. */
const textAt = async (address: string): Promise<string> =>
  await fetch(`http://${address}/`).then(
    async (answer) => await answer.text(),
    () => 'nobody answers',
  );

/** Clients say their size beside the start, and not before it. */
const untilSized = 'until [ "$(stty size)" = "33 111" ]; do sleep 0.05; done; stty size';

// It is not part of the set-up of every machine: where it is absent, dockerode and raw sockets show the calls in other tests.
const programs = dockerPrograms();
// A container takes a Docker Engine half a second, so one of the CLIs shows each command there; what is skipped has its lines in the
// soak `docker`, or is a promise of the engines' contract.
const onDocker = hasProgram('dockerd') ? programs.slice(-1).map((program) => [program, 'docker'] as const) : [];

// All of them in the soak `engines`.
const onSandboxToo = (isWhole ? programs : programs.slice(-1)).map((program) => [program, 'sandbox'] as const);

describe.skipIf(programs.length === 0).each([...onSandboxToo, ...onDocker])(
  '%s at a daemon with the engine %s (skipped where there is no docker CLI)',
  (program, engine) => {
    beforeAll(async () => await begin(engine));
    afterAll(end);
    const onSandbox = engine === 'docker' ? it.skip : it;

    const docker: DockerCli = async (args, input) => await dockerCli(door, program)(args, input);
    const out = async (...args: string[]): Promise<string> => (await docker(args)).out.trim();
    /** One that waits, gone with the work. */
    const withContainer = async (work: (name: string) => Promise<void>, ...options: string[]): Promise<void> => {
      const id = await out('run', '-d', ...options, 'img', 'sleep', '1000');
      expect(id).toMatch(/^[0-9a-f]{64}$/);
      try {
        await work(id.slice(0, 12));
      } finally {
        expect((await docker(['rm', '-f', id])).code).toBe(0);
      }
    };

    it('CS-1 gives a container a terminal of the size that the client has, and its exit code', async () => {
      const shell = [
        'run',
        '--rm',
        '-it',
        'img',
        'sh',
        '-c',
        `echo ready; read line; ${untilSized}; tty; echo "$line" | tr a-z A-Z; exit 5`,
      ];
      const { code, out: shown } = await dockerAtTerminal(door, program, shell, [['ready', 'typed\r']]);
      expect([code, shown]).toEqual([5, 'ready\r\ntyped\r\n33 111\r\n/dev/pts/0\r\nTYPED\r\n']);
    });

    onSandbox('CS-1 interrupts what runs at a terminal by Ctrl-C', async () => {
      const trap = [
        'run',
        '--rm',
        '-it',
        'img',
        'sh',
        '-c',
        'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.1; done',
      ];
      const { code, out: shown } = await dockerAtTerminal(door, program, trap, [['ready', '\u0003']]);
      expect([code, shown]).toEqual([9, 'ready\r\n^Ccaught\r\n']);
    });

    onSandbox('CS-1 loses nothing of what is written to a terminal at the end', async () => {
      const { out: shown } = await docker(['run', '--rm', '-t', 'img', 'seq', '1', '20000']);
      expect(shown === Array.from({ length: 20_000 }, (_, index) => `${index + 1}\r\n`).join('')).toBe(true);
    });

    it('CS-1 gives input and its end, environment, folder, user, entry point and volumes', async () => {
      const [place, volume] = [mkdtempSync(join(folder, 'bind-')), `v${program.length}`];
      expect(await docker(['run', '--rm', '-i', 'img', 'cat'], 'hi\n')).toEqual({ code: 0, out: 'hi\n', err: '' });
      const many = [
        'run',
        '--rm',
        '-e',
        'A=b c',
        '-w',
        '/var',
        '-u',
        '7:8',
        '--entrypoint',
        'sh',
        '-v',
        `${place}:/there`,
      ];
      const who = await docker([
        ...many,
        '-v',
        `${volume}:/kept`,
        'img',
        '-c',
        'echo "$A"; pwd; id -u; id -g; ls -d /there /kept',
      ]);
      expect(who).toEqual({ code: 0, out: 'b c\n/var\n7\n8\n/kept\n/there\n', err: '' });
      await docker(['run', '--rm', '-v', `${volume}:/kept`, 'img', 'sh', '-c', 'echo from one > /kept/file']);
      expect(await out('run', '--rm', '-v', `${volume}:/kept:ro`, 'img', 'cat', '/kept/file')).toBe('from one');
    });

    onSandbox('CS-1 tells by its exit code that there is no such program, or that it may not be run', async () => {
      expect(await docker(['run', '--rm', 'img', '/no/such'])).toMatchObject({ code: 127 });
      expect(await docker(['run', '--rm', 'img', '/etc/hostname'])).toMatchObject({ code: 126 });
    });

    it('CS-1 executes: apart, at a terminal, detached, as another, in a folder, and with its exit code', async () => {
      await withContainer(async (name) => {
        const both = await docker([
          'exec',
          '-e',
          'X=y',
          '-w',
          '/var',
          '-u',
          '7',
          name,
          'sh',
          '-c',
          'echo $X $PWD $(id -u); echo err >&2; exit 3',
        ]);
        expect(both).toEqual({ code: 3, out: 'y /var 7\n', err: 'err\n' });
        expect(await docker(['exec', '-i', name, 'cat'], 'in\n')).toEqual({ code: 0, out: 'in\n', err: '' });
        const typed = await dockerAtTerminal(
          door,
          program,
          ['exec', '-it', name, 'sh', '-c', `echo ready; read l; ${untilSized}; exit 4`],
          [['ready', '\r']],
        );
        expect([typed.code, typed.out]).toEqual([4, 'ready\r\n\r\n33 111\r\n']);
        expect(await docker(['exec', '-d', name, 'sh', '-c', 'echo done > /detached'])).toMatchObject({
          code: 0,
          out: '',
        });
        await expect.poll(async () => await out('exec', name, 'cat', '/detached'), patient).toBe('done');
        expect(await docker(['exec', name, '/no/such'])).toMatchObject({ code: 127 });
      });
      expect((await docker(['exec', 'nobody', 'true'])).err).toContain('No such container: nobody');
    });

    onSandbox(
      'CS-1 goes on with a command whose client has gone, and ends an attached one that leaves processes behind',
      async () => {
        await withContainer(async (name) => {
          const { code } = await docker(['exec', name, 'sh', '-c', 'sleep 1000 & echo $! > /left']);
          expect([code, await out('exec', name, 'sh', '-c', 'kill -0 $(cat /left) && echo lives')]).toEqual([
            0,
            'lives',
          ]);
        });
      },
    );

    it('CS-1 pauses, measures, lists processes, limits and renames', async () => {
      await withContainer(async (name) => {
        expect((await docker(['pause', name])).code).toBe(0);
        expect(await out('ps', '--filter', 'status=paused', '--format', '{{.ID}} {{.Status}}')).toMatch(
          /^\w{12} Up .* \(Paused\)$/,
        );
        expect((await docker(['exec', name, 'true'])).err).toContain('is paused');
        expect((await docker(['unpause', name])).code).toBe(0);
        expect(await out('exec', name, 'echo', 'awake')).toBe('awake');
        expect(await out('top', name)).toMatch(/^UID +PID[^]*sleep 1000$/);
        expect(
          (await docker(['update', '--memory', '64m', '--memory-swap', '64m', '--pids-limit', '20', name])).code,
        ).toBe(0);
        const stats = await out('stats', '--no-stream', '--format', '{{.MemUsage}} {{.PIDs}}', name);
        expect(stats).toMatch(/^[\d.]+[KM]iB \/ 64MiB 1$/);
        expect(
          (await docker(['exec', name, 'sh', '-c', 'a=0123456789abcdef; while :; do a=$a$a; done'])).code,
        ).not.toBe(0);
        expect((await docker(['rename', name, `new-${program.length}`])).code).toBe(0);
        expect(await out('inspect', '-f', '{{.Name}} {{.HostConfig.Memory}}', name)).toBe(
          `/new-${program.length} 67108864`,
        );
        expect((await docker(['pause', name])).code).toBe(0);
      });
      expect((await docker(['container', 'prune', '-f'])).code).toBe(0);
      expect(await out('ps', '-aq')).toBe('');
    });

    it('CS-1 tells of a container while it lives: list, log, signal, end and events', async () => {
      const name = `told-${program.length}`;
      const since = String(Date.now() / 1000);
      const script = 'trap "echo two; exit 4" USR1; printf one; while :; do sleep 0.1; done';
      const id = await out('run', '-d', '--name', name, 'img', 'sh', '-c', script);
      expect(await out('ps', '--format', '{{.Names}} {{.Image}} {{.State}}')).toBe(`${name} img running`);
      const told = Promise.all([docker(['logs', '-f', name]), docker(['wait', name])]);
      await expect.poll(async () => await out('logs', name), patient).toBe('one');
      expect((await docker(['kill', '--signal', 'USR1', name])).code).toBe(0);
      expect((await told).map((one) => one.out)).toEqual(['onetwo\n', '4\n']);
      expect(await out('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', id)).toBe('exited 4');
      const window = ['--since', since, '--until', String(Date.now() / 1000), '--filter', `container=${name}`];
      const events = await out('events', ...window, '--format', '{{.Action}} {{.Actor.Attributes.exitCode}}');
      expect(events.replaceAll(' <no value>', '').split('\n')).toEqual(['create', 'start', 'kill', 'die 4']);
      expect(await out('rm', name)).toBe(name);
    });

    it('CS-1 copies in and out; no link leads out of the container', async () => {
      await withContainer(async (name) => {
        const [file, back] = [join(folder, 'file'), join(folder, 'back')];
        writeFileSync(file, 'copied\n', { mode: 0o640 });
        expect((await docker(['cp', file, `${name}:/var/file`])).code).toBe(0);
        expect(await out('exec', name, 'sh', '-c', 'cat /var/file; stat -c %a /var/file')).toBe('copied\n640');
        expect((await docker(['cp', `${name}:/var/file`, back])).code).toBe(0);
        expect(readFileSync(back, 'utf8')).toBe('copied\n');
        // What is behind a link is looked for in the container, both ways.
        await out(
          'exec',
          name,
          'sh',
          '-c',
          `mkdir -p ${folder}; echo inside > ${folder}/file; ln -s ${folder} /out; ln -s ${folder}/file /one`,
        );
        expect((await docker(['cp', '-L', `${name}:/one`, join(folder, 'one')])).code).toBe(0);
        expect(readFileSync(join(folder, 'one'), 'utf8')).toBe('inside\n');
        expect((await docker(['cp', file, `${name}:/out/file`])).code).toBe(0);
        expect(await out('exec', name, 'cat', `${folder}/file`)).toBe('copied');
        writeFileSync(join(folder, 'host'), 'of the host\n');
        symlinkSync('/etc', join(folder, 'link'));
        expect((await docker(['cp', `${name}:/out/host`, '-'])).err).toMatch(/no such|could not find/i);
        expect((await docker(['cp', join(folder, 'link'), `${name}:/var/`])).code).toBe(0);
        expect(await out('exec', name, 'readlink', '/var/link')).toBe('/etc');
        expect((await docker(['cp', file, `${name}:/no/such/folder/`])).code).toBe(1);
        rmSync(join(folder, 'link'));
      });
    });

    it('CS-1 publishes ports, and lets containers find one another on a network of their own and nowhere else', async () => {
      const network = `net-${program.length}`;
      expect(await out('network', 'create', '--label', `of=${network}`, network)).toMatch(/^[0-9a-f]{64}$/);
      expect(await out('network', 'ls', '--filter', `label=of=${network}`, '--format', '{{.Name}} {{.Driver}}')).toBe(
        `${network} bridge`,
      );
      const page = 'echo page > /index.html; exec httpd -f -p 80 -h /';
      const web = [
        '--name',
        `web-${program.length}`,
        '--network',
        network,
        '--network-alias',
        'alias',
        '-p',
        '127.0.0.1::80',
      ];
      const id = await out('run', '-d', ...web, 'img', 'sh', '-c', page);
      const address = await out('port', id, '80');
      expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
      await expect.poll(async () => await textAt(address), patient).toBe('page\n');
      const ask = ['wget', '-qO-', `http://web-${program.length}/`];
      expect(await out('run', '--rm', '--network', network, 'img', ...ask)).toBe('page');
      expect(await out('run', '--rm', '--network', network, 'img', 'wget', '-qO-', 'http://alias/')).toBe('page');
      expect((await docker(['run', '--rm', 'img', ...ask])).code).not.toBe(0);
      const taken = await docker(['run', '--rm', '--name', 'late', '-p', `${address}:80`, 'img', 'true']);
      expect(taken.err).toContain('Cannot publish "late" at 127.0.0.1');
      expect((await docker(['network', 'rm', network])).err).toContain('has active endpoints');
      expect((await docker(['network', 'connect', network, id])).err).toContain('is not supported');
      expect((await docker(['rm', '-f', id])).code).toBe(0);
      expect((await docker(['network', 'rm', network])).code).toBe(0);
      expect((await docker(['run', '--rm', '--network', network, 'img', 'true'])).err).toContain(
        `No such network: ${network}`,
      );
    });

    onSandbox('CS-1 leads a published port to its container after the daemon was killed, too', async () => {
      const page = 'echo kept > /index.html; exec httpd -f -p 80 -h /';
      const id = await out('run', '-d', '-p', '127.0.0.1::80', 'img', 'sh', '-c', page);
      const address = await out('port', id, '80');
      await daemon.end('SIGKILL');
      await daemon.restart();
      expect(await out('port', id, '80')).toBe(address);
      await expect.poll(async () => await textAt(address), patient).toBe('kept\n');
      expect((await docker(['rm', '-f', id])).code).toBe(0);
    });

    it('CS-1 names, saves, loads, removes and prunes images, and tells how they were made', async () => {
      const [name, archive] = [`acme/saved-${program.length}`, join(folder, 'saved.tar')];
      expect((await docker(['tag', 'img', name])).code).toBe(0);
      const id = await out('image', 'inspect', '-f', '{{.Id}}', 'img');
      expect(await out('history', '-q', '--no-trunc', name)).toBe(id);
      expect((await docker(['save', '-o', archive, name])).code).toBe(0);
      expect(await out('rmi', name)).toBe(`Untagged: ${name}:latest`);
      expect((await docker(['image', 'inspect', name])).code).toBe(1);
      expect(await out('load', '-i', archive)).toBe(`Loaded image: ${name}:latest`);
      expect(await out('image', 'inspect', '-f', '{{.Id}}', name)).toBe(id);
      expect((await docker(['rmi', id])).err).toContain('it has several names');
      await withContainer(async () => {
        expect((await docker(['rmi', '-f', id])).err).toContain('a running container has it');
      });
      expect((await docker(['rmi', name])).code).toBe(0);
      expect(await out('image', 'prune', '-f')).toMatch(/^Total reclaimed space: /);
      expect(await out('run', '--rm', 'img', 'echo', 'still here')).toBe('still here');
    });

    it('CS-1 makes, shows, keeps and removes volumes, and measures the disk', async () => {
      const name = `vol-${program.length}`;
      expect(await out('volume', 'create', '--label', `of=${name}`, name)).toBe(name);
      expect(await out('volume', 'ls', '-q', '--filter', `label=of=${name}`)).toBe(name);
      const use = async (user: string): Promise<void> => {
        await out('exec', user, 'sh', '-c', 'head -c 100000 /dev/zero > /kept/file');
        expect((await docker(['volume', 'rm', name])).err).toContain('volume is in use');
        expect(await out('system', 'df', '-v')).toMatch(new RegExp(`${name} +1 +100kB`));
      };
      await withContainer(use, '-v', `${name}:/kept`);
      expect(await out('volume', 'rm', name)).toBe(name);
      expect((await docker(['volume', 'inspect', name])).code).toBe(1);
    });

    it('CS-1 starts again what has ended, attached and not, restarts by policy, and shows what it has written', async () => {
      const id = await out(
        'create',
        '--health-cmd',
        'true',
        'img',
        'sh',
        '-c',
        'echo again >> /lives; cat /lives; exit 6',
      );
      expect(await docker(['start', '-a', id])).toMatchObject({ code: 6, out: 'again\n' });
      expect(await docker(['start', '-a', id])).toMatchObject({ code: 6, out: 'again\nagain\n' });
      expect(await out('diff', id)).toBe('A /lives');
      const copy = join(folder, `lives-${program.length}`);
      expect((await docker(['cp', `${id}:/lives`, copy])).code).toBe(0);
      expect(readFileSync(copy, 'utf8')).toBe('again\nagain\n');
      expect((await docker(['update', '--restart', 'on-failure:2', id])).code).toBe(0);
      expect((await docker(['start', id])).code).toBe(0);
      expect(await out('wait', id)).toBe('6');
      expect(await out('inspect', '-f', '{{.RestartCount}}', id)).toBe('2');
      expect((await out('logs', id)).split('\n')).toHaveLength(1 + 2 + 3 + 4 + 5);
      expect((await docker(['rm', id])).code).toBe(0);
    });

    onSandbox('CS-1 says what is not supported, and why', async () => {
      await withContainer(async (id) => {
        expect((await docker(['commit', id])).err).toContain('Making an image from a container is not supported');
        expect((await docker(['exec', '--privileged', id, 'true'])).err).toContain('Privileged is not supported');
      });
    });
  },
);
