import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import Docker, { type Container, type ContainerCreateOptions, type ContainerInspectInfo } from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tarOf } from '../../src/image/testing/images.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { loadBusybox } from './door-images.ts';

/** Only there to end what hangs. */
const patient = { timeout: 30_000, interval: 100 };

describe('containers that are started again', () => {
  let daemon: TestDaemon;
  let docker: Docker;
  beforeAll(async () => {
    daemon = await startDaemon();
    docker = new Docker({ socketPath: join(daemon.dataFolder, 'minke.sock') });
    await loadBusybox(daemon, ['img']);
  });
  afterAll(async () => {
    expect(await daemon.purge(), 'left on the host').toEqual([]);
  });

  const create = async (script: string, options: ContainerCreateOptions = {}): Promise<Container> =>
    await docker.createContainer({ Image: 'img', Cmd: ['sh', '-c', script], ...options });
  const run = async (script: string, options: ContainerCreateOptions = {}): Promise<Container> => {
    const container = await create(script, options);
    await container.start();
    return container;
  };
  const stateOf = async (container: Container): Promise<ContainerInspectInfo['State']> =>
    (await container.inspect()).State;
  const logOf = async (container: Container): Promise<string> => plain(await container.logs({ stdout: true }));
  const roots = (): string[] => {
    const folder = join(daemon.dataFolder, 'roots');
    return existsSync(folder) ? readdirSync(folder) : [];
  };
  const kill = async (): Promise<void> => {
    await daemon.end('SIGKILL');
    await daemon.restart();
  };

  it('CS-1 starts a container again with what it has written, under its own id, and shows the output of all its lives', async () => {
    const container = await run('echo x >> /kept; wc -l < /kept; hostname; exit 3');
    await container.wait();
    const before = await container.inspect();
    await container.start();
    expect(await container.wait()).toEqual({ StatusCode: 3 });
    const after = await container.inspect();
    const host = container.id.slice(0, 12);
    expect([after.Id, after.Name, await logOf(container)]).toEqual([
      before.Id,
      before.Name,
      `1\n${host}\n2\n${host}\n`,
    ]);
    expect(Date.parse(after.State.StartedAt)).toBeGreaterThan(Date.parse(before.State.FinishedAt));
    await container.remove();
    expect(roots()).not.toContain(container.id);
  });

  it('CS-1 copies into a container before it starts, and out of it after it has ended', async () => {
    const container = await create('cat /etc/given; echo back > /etc/taken');
    await container.putArchive(tarOf([{ name: 'given', text: 'given\n' }]), { path: '/etc' });
    await container.start();
    await container.wait();
    expect(await logOf(container)).toBe('given\n');
    expect(await text(await container.getArchive({ path: '/etc/taken' }))).toContain('back\n');
    await container.remove();
  });

  it('CS-1 restarts a container that runs, and gives it to those who attach for its next life', async () => {
    const container = await run(
      'echo "life $(cat /lives 2>/dev/null)"; echo again > /lives; echo written; exec sleep 1000',
    );
    await expect.poll(async () => await logOf(container), patient).toBe('life \nwritten\n');
    await container.restart({ t: 0 });
    expect((await container.inspect()).RestartCount).toBe(0);
    await expect.poll(async () => await logOf(container), patient).toBe('life \nwritten\nlife again\nwritten\n');
    await container.kill();
    const stream = await container.attach({ stream: true, stdout: true });
    const ended = container.wait({ condition: 'next-exit' });
    await container.start();
    await expect.poll(async () => await logOf(container), patient).toMatch(/(.*again\nwritten\n){2}$/);
    await container.stop({ t: 0 });
    expect(await ended).toEqual({ StatusCode: 137 });
    expect(plain(Buffer.from(await text(stream)))).toBe('life again\nwritten\n');
    await container.remove();
  });

  it('CS-1 starts again by its policy: as often as on-failure says, and tells it', async () => {
    const container = await create('echo life; exit 4', {
      HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } },
    });
    await container.start();
    expect(await container.wait()).toEqual({ StatusCode: 4 });
    expect(await logOf(container)).toBe('life\nlife\nlife\n');
    const { RestartCount, HostConfig, State } = await container.inspect();
    expect([RestartCount, HostConfig.RestartPolicy, State.Status]).toEqual([
      2,
      { Name: 'on-failure', MaximumRetryCount: 2 },
      'exited',
    ]);
    await container.start();
    expect((await container.inspect()).RestartCount).toBe(0);
    await container.remove({ force: true });
  });

  it('CS-1 goes on with pauses that grow, also under the next daemon; what was stopped stays so, but for always', async () => {
    const again = (Name: string): ContainerCreateOptions => ({ HostConfig: { RestartPolicy: { Name } } });
    const crashing = await run('echo life; exit 1', again('always'));
    const [always, unless] = [
      await run('exec sleep 1000', again('always')),
      await run('exec sleep 1000', again('unless-stopped')),
    ];
    for (const one of [always, unless]) await one.stop({ t: 0 });
    expect([(await stateOf(always)).Status, (await stateOf(unless)).Status]).toEqual(['exited', 'exited']);
    await expect.poll(async () => (await crashing.inspect()).RestartCount, patient).toBeGreaterThan(2);
    await kill();
    const { RestartCount: known } = await crashing.inspect();
    expect(known).toBeGreaterThan(2);
    await expect.poll(async () => (await crashing.inspect()).RestartCount, patient).toBeGreaterThan(known);
    await expect.poll(async () => (await stateOf(always)).Status, patient).toBe('running');
    expect((await stateOf(unless)).Status).toBe('exited');
    await crashing.stop();
    const { RestartCount: last } = await crashing.inspect();
    expect((await stateOf(crashing)).Status).toBe('exited');
    await kill();
    for (const one of [crashing, always, unless]) await one.remove({ force: true });
    expect(last).toBeGreaterThanOrEqual(known);
  });

  it('CS-1 checks the health of a container, tells it by events, and forgets it with its life', async () => {
    const { container, told } = await withEvents(docker, async () =>
      run('while :; do sleep 0.05; done', {
        Healthcheck: { Test: ['CMD-SHELL', 'echo seen; test -e /well'], Interval: 200e6, Retries: 2 },
      }),
    );
    const health = async () => (await stateOf(container)).Health;
    await expect.poll(async () => (await health())?.Status, patient).toBe('unhealthy');
    await exec(container, 'touch', '/well');
    await expect.poll(async () => (await health())?.Status, patient).toBe('healthy');
    expect(await health()).toMatchObject({ FailingStreak: 0 });
    expect((await health())?.Log?.at(-1)).toMatchObject({ ExitCode: 0, Output: 'seen' });
    expect((await docker.listContainers({ filters: { health: ['healthy'] } })).map(({ Id }) => Id)).toEqual([
      container.id,
    ]);
    await container.remove({ force: true });
    const events = await told();
    expect(events.filter((event) => event.startsWith('health'))).toEqual([
      'health_status: unhealthy',
      'health_status: healthy',
    ]);
    expect([events[0], events[1], events.at(-1)]).toEqual(['create', 'start', 'destroy']);
  });

  it('CS-1 gives what else clients ask for: signal, shared memory, hosts, groups, limits, volumes and all ports', async () => {
    const script =
      'trap "echo caught; exit 5" USR1; id -G; ulimit -n; grep db /etc/hosts; df -k /dev/shm | tail -n 1; echo ready';
    const container = await run(`${script}; while :; do sleep 0.05; done`, {
      StopSignal: 'SIGUSR1',
      Volumes: { '/data': {} },
      ExposedPorts: { '80/tcp': {} },
      HostConfig: {
        PublishAllPorts: true,
        ShmSize: 1_048_576,
        GroupAdd: ['7'],
        ExtraHosts: ['db:10.9.8.7'],
        Ulimits: [{ Name: 'nofile', Soft: 77, Hard: 88 }],
        LogConfig: { Type: 'json-file', Config: {} },
      },
    });
    await expect.poll(async () => await logOf(container), patient).toContain('ready');
    expect(await logOf(container)).toMatch(/^0 7\n77\n10\.9\.8\.7\s+db\n.*\s1024\s.*\/dev\/shm\nready\n$/);
    const { NetworkSettings, Mounts, Config } = await container.inspect();
    expect(Number(NetworkSettings.Ports['80/tcp']?.[0]?.HostPort)).toBeGreaterThan(0);
    expect([(Config as { StopSignal?: string }).StopSignal, Mounts[0]?.Destination]).toEqual(['SIGUSR1', '/data']);
    await container.stop();
    expect([(await stateOf(container)).ExitCode, await logOf(container)]).toEqual([
      5,
      expect.stringContaining('caught'),
    ]);
    await container.start();
    await expect.poll(async () => (await logOf(container)).split('ready').length, patient).toBe(3);
    await container.stop({ signal: 'SIGKILL' });
    expect((await stateOf(container)).ExitCode).toBe(137);
    const volume = Mounts[0]?.Name ?? '';
    expect((await docker.getVolume(volume).inspect()).Name).toBe(volume);
    await container.remove({ v: true });
    await expect(docker.getVolume(volume).inspect()).rejects.toMatchObject({ statusCode: 404 });
  });

  it('CS-1 connects a container to networks before its start, and takes it off them', async () => {
    const networks = await Promise.all(
      ['one', 'two', 'three'].map(async (Name) => await docker.createNetwork({ Name })),
    );
    const [one, two] = networks;
    const server = await run('echo served > /index.html; exec httpd -f -p 80 -h /', {
      HostConfig: { NetworkMode: 'one' },
      NetworkingConfig: { EndpointsConfig: { one: { Aliases: ['web'] }, two: { Aliases: ['site'] } } },
    });
    const client = await create('for name in web site; do wget -qO- http://$name/ || echo none; done; echo done', {
      HostConfig: { NetworkMode: 'three' },
    });
    const ask = async (): Promise<string> => {
      await client.start();
      await client.wait();
      return (await logOf(client)).split('done\n').at(-2) ?? '';
    };
    expect(await ask()).toBe('none\nnone\n');
    await two?.connect({ Container: client.id });
    expect(Object.keys((await client.inspect()).NetworkSettings.Networks)).toEqual(['three', 'two']);
    await expect.poll(ask, patient).toBe('none\nserved\n');
    await one?.connect({ Container: client.id });
    await two?.disconnect({ Container: client.id });
    await expect.poll(ask, patient).toBe('served\nnone\n');
    await expect(one?.disconnect({ Container: server.id })).rejects.toMatchObject({ statusCode: 501 });
    for (const container of [server, client]) await container.remove({ force: true });
    for (const network of networks) await network.remove();
  });

  it('CS-1 keeps what was created across the end of the daemon, and nothing of what has removed itself or was being removed', async () => {
    const created = await create('echo created');
    const brief = await run('sleep 1', { Volumes: { '/data': {} }, HostConfig: { AutoRemove: true } });
    for (const afterMs of [0, 5, 20]) {
      const container = await run('echo much > /written');
      await container.wait();
      const removing = container.remove().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await kill();
      await removing;
      const there = (await docker.listContainers({ all: true })).map(({ Id }) => Id);
      expect(roots().filter((root) => !there.includes(root))).toEqual([]);
      if (there.includes(container.id)) await container.remove();
    }
    await expect(brief.inspect()).rejects.toMatchObject({ statusCode: 404 });
    await created.start();
    await created.wait();
    expect(await logOf(created)).toBe('created\n');
    await created.remove();
    expect([roots(), (await docker.listVolumes()).Volumes]).toEqual([[], []]);
  });
});

async function exec(container: Container, ...Cmd: readonly string[]): Promise<void> {
  const command = await container.exec({ Cmd: [...Cmd], AttachStdout: true });
  await text(await command.start({}));
}

/** With the actions of its events so far. */
async function withEvents(
  docker: Docker,
  make: () => Promise<Container>,
): Promise<{ readonly container: Container; readonly told: () => Promise<readonly string[]> }> {
  const since = Math.floor(Date.now() / 1000);
  const container = await make();
  const told = async (): Promise<readonly string[]> => {
    const filters = { container: [container.id] };
    const lines = await text(await docker.getEvents({ since, until: Date.now() / 1000, filters }));
    return lines.split('\n').flatMap((line) => (line === '' ? [] : [(JSON.parse(line) as { Action: string }).Action]));
  };
  return { container, told };
}

/** Of frames, what is in them. */
function plain(frames: Buffer): string {
  let shown = '';
  for (let at = 0; at < frames.length; at += 8 + frames.readUInt32BE(at + 4))
    shown += frames.toString('utf8', at + 8, at + 8 + frames.readUInt32BE(at + 4));
  return shown;
}
