import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMinke } from '../../src/sdk/minke.ts';
import type { ContainerOptions } from '../../src/sdk/types.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { loadBusybox } from './door-images.ts';

let daemon: TestDaemon;
let docker: Docker;
let folder: string;

beforeAll(async () => {
  daemon = await startDaemon();
  await loadBusybox(daemon, ['busybox']);
  docker = new Docker({ socketPath: join(daemon.dataFolder, 'minke.sock') });
  folder = mkdtempSync(join(tmpdir(), 'minke-options-'));
  // The containers' user is not root.
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'file'), 'of the host\n');
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  expect(await daemon.purge(), 'left on the host').toEqual([]);
});

describe('DR-5 the options of a run', () => {
  const image = 'busybox:latest';

  it.each([
    ['the SDK', 'sdk', async (way: string) => await minkeOf().run(image, args(way), { env, container: asked(way) })],
    ['HTTP', 'http', overHttp],
    [
      'the command line',
      'cli',
      async (way: string) => (await daemon.cli(['run', ...flags(way), image, ...args(way)])).stdout,
    ],
    ['the Docker API', 'docker', overDocker],
  ])('all take effect by %s: inside, in its cgroups on the host, and in its labels', async (_, way, run) => {
    const output = run(way);
    output.catch(() => undefined);
    await expect.poll(() => commandsOf(way), { timeout: 30_000 }).toHaveLength(1);
    expect(limitsOf(commandsOf(way)[0] ?? '')).toEqual({ memory: 32 * 1024 * 1024, cpu: 0.5, pids: 40 });
    const labelled = await docker.listContainers({ filters: { label: [`way=${way}`] } });
    expect(labelled).toHaveLength(1);
    writeFileSync(join(folder, way), 'go on');
    expect((await output).trim().split('\n')).toEqual([
      'A=b c',
      '1000:1000 in /var',
      'of the host',
      'the mount cannot be written',
      'the root cannot be written',
      'scratch can',
      'only lo',
      'CapEff: 0000000000000000 of 0000000000000400',
    ]);
  });

  it.each([
    [['--memory', 'much'], '--memory cannot be "much"'],
    [['--cpus', '-1'], '--cpus cannot be "-1"'],
    [['-v', 'data'], '--volume cannot be "data"'],
    [['--mount', 'type=bind,sorce=/x,target=/x'], '--mount cannot be'],
    [['--label', '=x'], '--label cannot be "=x"'],
    [['--network', 'host'], '--network cannot be "host"'],
  ])('minke run %j is told what is wrong, and nothing is started', async (wrong, reason) => {
    const { code, stderr } = await daemon.cli(['run', ...wrong, image, 'true']);
    expect([code, stderr]).toEqual([2, expect.stringContaining(reason)]);
  });

  const env = { A: 'b c' };
  const minkeOf = () => createMinke(daemon.api, 'default');

  const asked = (way: string): ContainerOptions => ({
    entrypoint: ['/bin/sh', '-c'],
    workdir: '/var',
    user: '1000:1000',
    labels: { way },
    memoryBytes: 32 * 1024 * 1024,
    cpus: 0.5,
    pids: 40,
    readOnlyRoot: true,
    mounts: [
      { type: 'bind', source: folder, target: '/data', readOnly: true },
      { type: 'tmpfs', target: '/scratch', readOnly: false, sizeBytes: 65_536 },
    ],
    capAdd: ['CAP_NET_BIND_SERVICE'],
    capDrop: ['ALL'],
    network: 'none',
  });

  const flags = (way: string): string[] => [
    '-e',
    'A=b c',
    '--entrypoint',
    '/bin/sh',
    '--workdir',
    '/var',
    '--user',
    '1000:1000',
    '--label',
    `way=${way}`,
    '--memory',
    '32m',
    '--cpus',
    '0.5',
    '--pids-limit',
    '40',
    '--read-only',
    '-v',
    `${folder}:/data:ro`,
    '--mount',
    'type=tmpfs,target=/scratch,tmpfs-size=64k',
    '--cap-drop',
    'ALL',
    '--cap-add',
    'net_bind_service',
    '--network',
    'none',
  ];

  /** The command line gives an entry point one word, as Docker's does. */
  const args = (way: string): string[] => [...(way === 'cli' ? ['-c'] : []), script(way), `way-${way}`];

  async function overHttp(way: string): Promise<string> {
    const json = { target: { image }, args: args(way), env, options: asked(way) };
    const { run } = await daemon.api.json<{ run: { id: string } }>('runs', { json });
    await minkeOf().runs.wait(run.id);
    return (await minkeOf().runs.result(run.id)).toString();
  }

  async function overDocker(way: string): Promise<string> {
    const container = await docker.createContainer({
      Image: image,
      Entrypoint: ['/bin/sh', '-c'],
      Cmd: args(way),
      Env: ['A=b c'],
      WorkingDir: '/var',
      User: '1000:1000',
      Labels: { way },
      HostConfig: {
        Memory: 32 * 1024 * 1024,
        NanoCpus: 5e8,
        PidsLimit: 40,
        ReadonlyRootfs: true,
        Binds: [`${folder}:/data:ro`],
        Tmpfs: { '/scratch': 'size=64k' },
        CapDrop: ['ALL'],
        CapAdd: ['NET_BIND_SERVICE'],
        NetworkMode: 'none',
      },
    });
    await container.start();
    await container.wait();
    return (await minkeOf().runs.result(container.id)).toString();
  }
});

/** Waits where it can be looked at until the host lets it go, and says what it sees. */
const script = (way: string): string => `
  until [ -e /data/${way} ]; do sleep 0.05; done
  echo "A=$A"
  echo "$(id -u):$(id -g) in $(pwd)"
  cat /data/file
  (: >/data/new) 2>/dev/null || echo the mount cannot be written
  (: >/var/new) 2>/dev/null || echo the root cannot be written
  (: >/scratch/new) && echo scratch can
  echo "only $(ls /sys/class/net)"
  echo "CapEff: $(grep CapEff /proc/self/status | cut -f2) of $(grep CapBnd /proc/self/status | cut -f2)"`;

/** Processes of the host that carry the mark of a way: the first of its container. */
const commandsOf = (way: string): string[] =>
  readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    const words = textOf(`/proc/${pid}/cmdline`).split('\0');
    // The command line of minke is a script of /bin/sh too, for a moment.
    return words[0] === '/bin/sh' && words[1] === '-c' && words.includes(`way-${way}`);
  });

/** As the kernel has them, on the cgroup around the container's own. */
function limitsOf(pid: string): { memory: number; cpu: number; pids: number } {
  const groups = textOf(`/proc/${pid}/cgroup`)
    .split('\n')
    .map((line) => line.split(':'));
  const read = (controller: string, v1: string, v2: string): string => {
    const [, , path = ''] = groups.find(([, names = '']) => names.split(',').includes(controller)) ?? [];
    const [, , unified = ''] = groups.find(([number]) => number === '0') ?? [];
    if (path !== '') return textOf(join('/sys/fs/cgroup', controller, dirname(path), v1)).trim();
    return textOf(join('/sys/fs/cgroup', dirname(unified), v2)).trim();
  };
  const [quota, period = 100_000] = read('cpu', 'cpu.cfs_quota_us', 'cpu.max').split(' ').map(Number);
  return {
    memory: Number(read('memory', 'memory.limit_in_bytes', 'memory.max')),
    cpu: (quota ?? 0) / period,
    pids: Number(read('pids', 'pids.max', 'pids.max')),
  };
}

/** Empty when it has gone meanwhile. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
