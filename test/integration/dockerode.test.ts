import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import Docker, { type Container, type Exec } from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasProgram } from '../../src/engines/local/host/program.ts';
import { tarOf } from '../../src/image/testing/images.ts';
import { busyboxArchive } from './door-images.ts';
import { startOn, type OnEngine } from './on-engine.ts';
import { isWhole } from './whole.ts';

// The soak `engines` shows it on a Docker Engine too.
const engines = isWhole && hasProgram('dockerd') ? (['sandbox', 'docker'] as const) : (['sandbox'] as const);

describe.each(engines)('dockerode, unmodified, at a daemon with the engine %s', (engine) => {
  let purge: OnEngine['purge'];
  let docker: Docker;
  beforeAll(async () => {
    const { daemon, ...on } = await startOn(engine);
    ({ purge } = on);
    docker = new Docker({ socketPath: join(daemon.dataFolder, 'minke.sock') });
    const archive = busyboxArchive(['img', 'img:other']);
    const loading = await docker.loadImage(createReadStream(archive.path));
    expect(await text(loading)).toContain('Loaded image: img:latest');
    archive.remove();
  });
  afterAll(async () => {
    expect(await purge(), 'left on the host').toEqual([]);
  });

  it('CS-1 creates, attaches, starts, executes, measures, restarts and removes a container, told by events', async () => {
    const events = await eventsOf(docker);
    const container = await docker.createContainer({
      name: 'one',
      Image: 'img',
      Cmd: ['sh', '-c', 'echo out; echo err >&2; read line; echo "got $line"; exec sleep 1000'],
      OpenStdin: true,
      Env: ['A=b'],
      Labels: { team: 'blue' },
      Volumes: { '/data': {} },
    });
    await container.putArchive(tarOf([{ name: 'given', text: 'given\n' }]), { path: '/etc' });
    const attached = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    docker.modem.demuxStream(attached, stdout, stderr);
    await container.start();
    attached.write('typed\n');
    expect([await first(stdout, 'got typed\n'), await first(stderr, 'err\n')]).toEqual(['out\ngot typed\n', 'err\n']);

    expect(
      await executed(
        docker,
        await container.exec({ Cmd: ['sh', '-c', 'echo $A; cat /etc/given; exit 3'], AttachStdout: true }),
      ),
    ).toEqual(['b\ngiven\n', 3]);
    await executed(
      docker,
      await container.exec({
        Cmd: ['sh', '-c', 'mkdir /new; echo x > /new/file; echo y > /data/file'],
        AttachStdout: true,
      }),
    );
    expect(await container.changes()).toEqual([
      { Path: '/data', Kind: 1 },
      { Path: '/etc', Kind: 0 },
      { Path: '/etc/given', Kind: 1 },
      { Path: '/new', Kind: 1 },
      { Path: '/new/file', Kind: 1 },
    ]);
    const exported = await text(await container.export());
    expect([exported.includes('new/file'), exported.includes('data/file')]).toEqual([true, false]);
    expect(await text(await container.getArchive({ path: '/new' }))).toContain('new/file');
    const { memory_stats, pids_stats } = await container.stats({ stream: false });
    expect([memory_stats.usage > 0, pids_stats?.current]).toEqual([true, 1]);
    expect((await container.top()).Processes).toHaveLength(1);

    const ended = container.wait();
    await container.restart({ t: 0 });
    await container.stop({ t: 0 });
    await ended;
    const { State, RestartCount, Config } = await container.inspect();
    expect([State.Running, State.ExitCode, RestartCount, Config.Labels['team']]).toEqual([false, 137, 0, 'blue']);
    expect((await docker.listContainers({ all: true, filters: { label: ['team=blue'] } })).map(({ Id }) => Id)).toEqual(
      [container.id],
    );
    await container.remove({ v: true });
    await expect(container.inspect()).rejects.toMatchObject({ statusCode: 404 });
    expect(await events(container)).toEqual(['create', 'start', 'die', 'start', 'restart', 'die', 'destroy']);
  });

  it('CS-1 follows what a container writes from its first life to its last', async () => {
    const container = await docker.createContainer({
      Image: 'img',
      Cmd: ['sh', '-c', 'echo life; exit 1'],
      HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 1 } },
    });
    await container.start();
    const logs = await container.logs({ follow: true, stdout: true, stderr: true });
    const stdout = new PassThrough();
    docker.modem.demuxStream(logs, stdout, new PassThrough());
    logs.on('end', () => stdout.end());
    expect(await text(stdout)).toBe('life\nlife\n');
    await container.remove();
  });

  it('CS-1 lists, inspects, names and removes images', async () => {
    const [row] = await docker.listImages();
    expect(row?.RepoTags).toEqual(['img:latest', 'img:other']);
    expect((await docker.getImage('img').inspect()).Id).toBe(row?.Id);
    await docker.getImage('img').tag({ repo: 'img', tag: 'third' });
    for (const name of ['img:third', 'img:other']) await docker.getImage(name).remove();
    expect((await docker.listImages())[0]?.RepoTags).toEqual(['img:latest']);
  });

  it('CS-1 keeps the image of a container that has ended', async () => {
    const container = await docker.createContainer({ Image: 'img', Cmd: ['true'] });
    await container.start();
    await container.wait();
    await expect(docker.getImage('img').remove()).rejects.toMatchObject({ statusCode: 409 });
    await container.start();
    expect(await container.wait()).toEqual({ StatusCode: 0 });
    await container.remove();
  });

  it('CS-1 makes, lists, inspects and removes networks and volumes', async () => {
    const network = await docker.createNetwork({ Name: 'net', Labels: { team: 'blue' } });
    await docker.createVolume({ Name: 'vol', Labels: { team: 'blue' } });
    expect((await docker.listNetworks({ filters: { label: ['team=blue'] } })).map(({ Name }) => Name)).toEqual(['net']);
    expect((await docker.listVolumes()).Volumes.map(({ Name }) => Name)).toEqual(['vol']);
    expect([(await network.inspect()).Name, (await docker.getVolume('vol').inspect()).Labels]).toEqual([
      'net',
      { team: 'blue' },
    ]);
    await network.remove();
    await docker.getVolume('vol').remove();
    expect((await docker.listVolumes()).Volumes).toEqual([]);
  });
});

/** What comes until the marker is there. */
async function first(stream: PassThrough, marker: string): Promise<string> {
  let shown = '';
  while (!shown.includes(marker)) {
    const piece: Buffer | null = stream.read();
    if (piece === null) await once(stream, 'readable');
    else shown += piece.toString();
  }
  return shown;
}

/** What it writes to stdout, and its exit code. */
async function executed(docker: Docker, command: Exec): Promise<[string, number | null]> {
  const stream = await command.start({ hijack: true, stdin: false });
  const stdout = new PassThrough();
  docker.modem.demuxStream(stream, stdout, new PassThrough());
  stream.on('end', () => stdout.end());
  const shown = await text(stdout);
  return [shown, (await command.inspect()).ExitCode];
}

/** Follows from now on; the actions of a container up to its removal. */
async function eventsOf(docker: Docker): Promise<(container: Container) => Promise<readonly string[]>> {
  const stream = await docker.getEvents({ filters: { type: ['container'] } });
  let told = '';
  stream.on('data', (piece: Buffer) => {
    told += piece.toString();
  });
  return async ({ id }) => {
    while (!told.includes('"Action":"destroy"')) await once(stream, 'data');
    const all = told
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as { id: string; Action: string }]));
    (stream as unknown as { destroy(): void }).destroy();
    return all.filter((event) => event.id === id).map(({ Action }) => Action);
  };
}
