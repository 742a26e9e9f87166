import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dockerCli, dockerPrograms, type DockerResult } from '../../src/dockerapi/docker-cli.fixture.ts';
import { startDaemon } from '../../test/integration/daemon.ts';
import { onDocker, startOwnDocker } from '../../test/integration/on-engine.ts';
import { busyboxArchive } from '../../test/integration/door-images.ts';
import { startDockerEngine } from '../bench/docker-engine.ts';
import type { Figure, Soak, SoakOptions } from './soak.ts';

/** Not a test: a Docker Engine takes a third of a second for each container, and is not everywhere. */
export const docker: Soak = {
  about: 'the same lines of the docker CLI at a Docker Engine and at minke, on either engine: exit code and output',
  run: compare,
};

async function compare({ signal, tell }: SoakOptions): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'minke-same-'));
  await using engine = await startDockerEngine(join(folder, 'engine'));
  if (engine === undefined) throw new Error('There is no Docker Engine on this machine to compare with');
  // One of its own: what is done at the other is to touch nothing here.
  await using below = await startOwnDocker();
  const daemons = { sandbox: await startDaemon(), docker: await startDaemon({ environment: onDocker(below) }) };
  const archive = busyboxArchive(['img:latest']);
  writeFileSync(join(folder, 'file'), 'a file\n');
  const [compared, differing] = [[] as string[], [] as string[]];
  try {
    const minkes = Object.entries(daemons).map(
      ([name, { dataFolder }]) => [name, join(dataFolder, 'minke.sock')] as const,
    );
    for (const program of dockerPrograms()) {
      const theirs = dockerCli(engine.socket, program);
      const ours = minkes.map(([name, door]) => [name, dockerCli(door, program)] as const);
      for (const cli of [theirs, ...ours.map(([, one]) => one)]) await cli(['load', '-i', archive.path]);
      for (const line of linesFor(folder)) {
        signal.throwIfAborted();
        const asking = [theirs, ...ours.map(([, one]) => one)].map(async (cli) => await cli(line.words, line.input));
        const [wanted, ...got] = (await Promise.all(asking)).map((result) => normal(result, line));
        for (const [index, [name]] of ours.entries()) {
          compared.push(line.words.join(' '));
          if (wanted === got[index]) continue;
          differing.push(line.words.join(' '));
          tell(`${program} ${line.words.join(' ')}\n  Docker Engine: ${wanted}\n  minke on ${name}: ${got[index]}`);
        }
      }
    }
  } finally {
    archive.remove();
    for (const daemon of Object.values(daemons)) await daemon.purge();
    rmSync(folder, { recursive: true, force: true });
  }
  return [
    { what: 'lines compared', value: compared.length, unit: 'lines' },
    { what: 'lines that differ', value: differing.length, unit: 'lines', limit: { op: '==', value: 0 } },
  ];
}

interface Line {
  readonly words: readonly string[];
  readonly input?: string;
  /** Only the exit code, and whether there was output: its figures are the machine's. */
  readonly isShape?: boolean;
  /** Its lines come in any order. */
  readonly isUnordered?: boolean;
}

/** In this order: some of them make what others look at. */
function linesFor(folder: string): readonly Line[] {
  const run = (...words: readonly string[]): Line => ({ words: ['run', '--rm', ...words] });
  const line = (...words: readonly string[]): Line => ({ words });
  const shape = (...words: readonly string[]): Line => ({ words, isShape: true });
  const sh = (script: string): readonly string[] => ['img', 'sh', '-c', script];
  return [
    run('img', 'echo', 'hi'),
    run(...sh('echo out; echo err >&2; exit 7')),
    { ...run('-i', 'img', 'cat'), input: 'hi\n' },
    run('-t', ...sh('echo to a terminal; tty')),
    run('-e', 'A=b c', '-w', '/var', '-u', '7:8', ...sh('echo $A; pwd; id -u; id -g')),
    run('--entrypoint', 'echo', 'img', 'of', 'another'),
    run('--hostname', 'whale', 'img', 'hostname'),
    run('--read-only', ...sh('echo x > /x')),
    run('--tmpfs', '/t', ...sh('echo x > /t/x; cat /t/x')),
    run('--network', 'none', ...sh('ls /sys/class/net')),
    run('-v', `${folder}:/there:ro`, 'img', 'cat', '/there/file'),
    run('img', '/no/such/program'),
    run('img', '/etc/hostname'),
    run('-t', 'img', 'seq', '1', '20000'),
    run(...sh('yes "whale " | head -n 20000 | tr -d "\\n"; echo; echo end')),
    run('-t', ...sh('yes "whale " | head -n 20000 | tr -d "\\n"; echo; echo end')),
    run('--name', 'no name', 'img', 'true'),
    line('create', '--name', 'long', '--label', 'a=b', 'img', 'sleep', '1000'),
    line('ps', '-a', '--format', '{{.Names}} {{.Image}} {{.State}}'),
    line('start', 'long'),
    line('ps', '--format', '{{.Names}} {{.Image}} {{.State}}'),
    line('ps', '-q', '--no-trunc', '--filter', 'label=a=b'),
    line(
      'inspect',
      '-f',
      '{{.Name}} {{.State.Status}} {{.State.Running}} {{.Config.Image}} {{.Config.Labels}}',
      'long',
    ),
    line('exec', 'long', 'echo', 'inside'),
    line('exec', '-w', '/var', '-e', 'X=y', '-u', '7', 'long', 'sh', '-c', 'echo $X; pwd; id -u; exit 3'),
    { words: ['exec', '-i', 'long', 'cat'], input: 'in\n' },
    line('exec', '-t', 'long', 'tty'),
    line('exec', '-d', 'long', 'true'),
    line('exec', 'long', 'sh', '-c', 'sleep 1000 & echo left'),
    line('exec', '--privileged', 'nobody', 'true'),
    line('cp', join(folder, 'file'), 'long:/copied'),
    line('exec', 'long', 'cat', '/copied'),
    line('exec', 'long', 'ln', '-s', '/etc', '/link'),
    line('cp', 'long:/no/such', '-'),
    shape('cp', 'long:/bin/busybox', '-'),
    line('pause', 'long'),
    line('pause', 'long'),
    line('exec', 'long', 'true'),
    line('ps', '--filter', 'status=paused', '--format', '{{.Names}}'),
    line('unpause', 'long'),
    line('unpause', 'long'),
    shape('top', 'long'),
    shape('stats', '--no-stream', 'long'),
    line('rename', 'long', 'longer'),
    line('rename', 'nobody', 'somebody'),
    line('kill', '--signal', 'KILL', 'longer'),
    line('wait', 'longer'),
    line('kill', 'longer'),
    line('exec', 'longer', 'true'),
    line('logs', 'longer'),
    line('rm', 'longer'),
    line('rm', 'longer'),
    line('tag', 'img', 'acme/other:1'),
    { ...line('images', '--format', '{{.Repository}}:{{.Tag}}'), isUnordered: true },
    line('rmi', 'acme/other:1'),
    shape('history', 'img'),
    line('image', 'inspect', 'no/such'),
    line('volume', 'create', 'data'),
    line('volume', 'ls', '-q'),
    run('-v', 'data:/data', ...sh('echo kept > /data/file')),
    run('-v', 'data:/data', 'img', 'cat', '/data/file'),
    line('volume', 'rm', 'data'),
    line('volume', 'rm', 'data'),
    shape('network', 'create', 'mine'),
    line('network', 'ls', '--filter', 'name=mine', '--format', '{{.Name}} {{.Driver}} {{.Scope}}'),
    run('--network', 'mine', 'img', 'true'),
    run('--network', 'no-such', 'img', 'true'),
    line('network', 'rm', 'mine'),
    line('network', 'rm', 'mine'),
    shape('system', 'df'),
    line('container', 'prune', '-f'),
    line('nonsense'),
  ];
}

/** Without what is of a moment or of a machine. What is said of a failure is said in each one's own words. */
function normal({ code, out, err }: DockerResult, { isShape = false, isUnordered = false }: Line): string {
  const text = isShape
    ? String(out !== '')
    : out.replaceAll(/\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b/g, 'ID').replaceAll(/ +/g, ' ');
  const lines = isUnordered ? text.split('\n').toSorted().join('\n') : text;
  return JSON.stringify({ code, out: lines, isErrorTold: err !== '' });
}
