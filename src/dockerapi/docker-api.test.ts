import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { PassThrough, type Duplex } from 'node:stream';
import Docker from 'dockerode';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDoors, send, type Doors } from './doors.fixture.ts';

let doors: Doors;
let docker: Docker;
beforeEach(async () => {
  doors = await openDoors();
  docker = new Docker({ socketPath: doors.operator });
});
afterEach(() => doors.close());

async function textOf(stream: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const piece of stream) text += piece.toString();
  return text;
}

describe('dockerode', () => {
  it("runs at the operator's door with exact output", async () => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const texts = Promise.all([textOf(stdout), textOf(stderr)]);
    const [result] = await docker.run('img', ['sh', '-c', 'echo out; echo err >&2; exit 3'], [stdout, stderr], {
      Tty: false,
    });
    expect(result).toEqual({ StatusCode: 3 });
    expect(await texts).toEqual(['out\n', 'err\n']);
  });

  it('runs with its own default of a terminal: one raw stream', async () => {
    const stdout = new PassThrough();
    const text = textOf(stdout);
    await docker.run('img', ['echo', 'raw'], stdout);
    expect(await text).toBe('raw\n');
  });

  it("DR-11 runs a function, detached, from a function's door, and is told why it may not more", async () => {
    const inside = new Docker({ socketPath: doors.vote });
    const container = await inside.createContainer({
      Image: 'record',
      Cmd: ['sh', '-c', 'echo $0 $1', 'voter', 'cats'],
    });
    await container.start();
    expect(await container.wait()).toEqual({ StatusCode: 0 });
    const logs = await container.logs({ stdout: true, follow: false });
    expect(logs.subarray(8).toString()).toBe('voter cats\n');
    await container.remove();
    await expect(inside.createContainer({ Image: 'record', HostConfig: { Privileged: true } })).rejects.toMatchObject({
      statusCode: 403,
      json: { message: expect.stringContaining('HostConfig.Privileged') },
    });
    await expect(inside.createContainer({ Image: 'acme/secret' })).rejects.toMatchObject({ statusCode: 403 });
  });

  it('gives input through a connection that it took over, though its options come first as a body', async () => {
    const container = await docker.createContainer({ Image: 'img', Cmd: ['cat'], OpenStdin: true, StdinOnce: true });
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    const stdout = new PassThrough();
    docker.modem.demuxStream(stream, stdout, stdout);
    stream.on('end', () => stdout.end());
    await container.start();
    (stream as Duplex).end('hi');
    expect(await textOf(stdout)).toBe('hi');
  });

  it('follows events, and lists with filters', async () => {
    const events = (await docker.getEvents({ filters: { event: ['die'] } })) as IncomingMessage;
    const container = await docker.createContainer({
      Image: 'img',
      Cmd: ['sh', '-c', 'exit 5'],
      Labels: { color: 'blue' },
      name: 'eventful',
    });
    await container.start();
    const [line] = await once(events, 'data');
    expect(JSON.parse(String(line))).toMatchObject({
      Action: 'die',
      id: container.id,
      Actor: { Attributes: { exitCode: '5', color: 'blue', name: 'eventful' } },
    });
    events.destroy();
    const count = async (filters: Record<string, string[]>): Promise<number> =>
      (await docker.listContainers({ all: true, filters })).length;
    expect(await count({ label: ['color=blue'] })).toBe(1);
    expect(await count({ label: ['color=blue', 'shape'] })).toBe(0);
    expect(await count({ name: ['^/eventful$'], status: ['exited'], ancestor: ['img'] })).toBe(1);
    expect(await count({ status: ['running'] })).toBe(0);
    expect(await count({ id: [container.id.slice(0, 8)] })).toBe(1);
    expect(await count({ health: ['healthy'] })).toBe(0);
    await expect(count({ since: ['x'] })).rejects.toMatchObject({ statusCode: 501 });
  });
});

describe('answers', () => {
  it("carry Docker's headers, refusals too", async () => {
    const expected = {
      'api-version': '1.47',
      'docker-experimental': 'false',
      ostype: 'linux',
      server: 'Minke/0.1.0 (linux)',
    };
    for (const path of ['/_ping', '/v1.24/version', '/no/such', '/swarm'])
      expect((await send(doors.operator, { path })).headers).toMatchObject(expected);
    expect(await send(doors.operator, { method: 'HEAD', path: '/_ping' })).toMatchObject({ status: 200, text: '' });
    expect((await send(doors.operator, { path: '/_ping' })).text).toBe('OK');
  });

  it('are 404 for what is unknown and 501, with what and why, for what is not supported', async () => {
    expect(await send(doors.operator, { path: '/no/such' })).toMatchObject({
      status: 404,
      json: { message: 'There is nothing at GET /no/such' },
    });
    const swarm = { message: 'Swarm is not supported: this minke is not part of a cluster' };
    expect(await send(doors.operator, { path: '/v1.40/nodes/x' })).toMatchObject({ status: 501, json: swarm });
  });

  it('name the image that is missing when it is created, and the name that is taken', async () => {
    const create = (name: string, body: unknown) =>
      send(doors.operator, { method: 'POST', path: `/containers/create?name=${name}`, body: JSON.stringify(body) });
    expect(await create('', { Image: 'none:1' })).toMatchObject({
      status: 404,
      json: { message: 'No such image: none:1' },
    });
    expect((await create('one', { Image: 'img' })).status).toBe(201);
    expect((await create('one', { Image: 'img' })).status).toBe(409);
    expect((await create('-x', { Image: 'img' })).status).toBe(400);
    expect((await create('two', { Image: 'img', Cmd: [1] })).json).toEqual({
      message: 'Cannot read the request: "Cmd[0]" is not text',
    });
    expect((await create('two', { Image: 'img', HostConfig: 'x' })).status).toBe(400);
  });

  it('say of a part of a field, too, that it is not supported, instead of leaving it out', async () => {
    const status = async (HostConfig: Docker.HostConfig): Promise<number> => {
      const body = JSON.stringify({ Image: 'img', HostConfig });
      return (await send(doors.operator, { method: 'POST', path: '/containers/create', body })).status;
    };
    expect(await status({ Tmpfs: { '/x': 'rw,nosuid,size=64k' }, Binds: ['/a:/b:ro,z'] })).toBe(201);
    expect(await status({ Tmpfs: { '/x': 'mode=0700' } })).toBe(501);
    expect(await status({ Binds: ['/a:/b:rshared'] })).toBe(501);
    expect(await status({ Mounts: [{ Type: 'volume', Source: '', Target: '/b' }] })).toBe(201);
    expect(await status({ ExtraHosts: ['host:host-gateway'] })).toBe(501);
    expect(await status({ Init: true })).toBe(501);
    expect(await status({ Memory: 2 ** 26, MemorySwap: 2 ** 27 })).toBe(501);
    expect(await status({ LogConfig: { Type: 'syslog', Config: {} } })).toBe(501);
  });

  it('give a name to a container that has none', async () => {
    const { id } = await docker.createContainer({ Image: 'img' });
    expect((await docker.getContainer(id).inspect()).Name).toMatch(/^\/[a-z]+_[a-z]+$/);
  });

  it('translate all that an operator may ask for', async () => {
    await docker.createContainer({
      Image: 'img',
      Cmd: ['x'],
      Entrypoint: [''],
      Env: ['A=1', 'B='],
      WorkingDir: '/w',
      User: '1:2',
      Hostname: 'h',
      Labels: { l: 'v' },
      StopTimeout: 3,
      HostConfig: {
        Memory: 2 ** 26,
        NanoCpus: 5e8,
        PidsLimit: 9,
        CapDrop: ['net_raw'],
        ReadonlyRootfs: true,
        NetworkMode: 'none',
        AutoRemove: true,
        Binds: ['/a:/b:ro'],
      },
    });
    expect(doors.containers.requests).toMatchObject([
      {
        app: 'default',
        target: { image: 'img' },
        args: ['x'],
        env: { A: '1', B: '' },
        options: {
          entrypoint: [],
          workdir: '/w',
          user: '1:2',
          hostname: 'h',
          labels: { l: 'v' },
          stopGraceMs: 3000,
          stdin: 'none',
          memoryBytes: 2 ** 26,
          cpus: 0.5,
          pids: 9,
          capDrop: ['CAP_NET_RAW'],
          readOnlyRoot: true,
          network: 'none',
          keep: false,
          mounts: [{ type: 'bind', source: '/a', target: '/b', readOnly: true }],
        },
      },
    ]);
  });
});

describe('streams', () => {
  const begin = async (cmd: string[], more: Docker.ContainerCreateOptions = {}): Promise<Docker.Container> => {
    const container = await docker.createContainer({ Image: 'img', Cmd: cmd, ...more });
    await container.start();
    return container;
  };

  it('answer the head of a wait before there is an end', async () => {
    const container = await docker.createContainer({ Image: 'img', Cmd: ['sh', '-c', 'exit 4'] });
    const request = httpRequest({
      socketPath: doors.operator,
      method: 'POST',
      path: `/containers/${container.id}/wait?condition=next-exit`,
    }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    await container.start();
    expect(await textOf(response)).toBe('{"StatusCode":4}\n');
  });

  it('wait until a kept container is removed, and tell how one ended that removed itself', async () => {
    const kept = await begin(['true']);
    await kept.wait();
    const removed = kept.wait({ condition: 'removed' });
    await kept.remove();
    expect(await removed).toEqual({ StatusCode: 0 });
    const gone = await begin(['sh', '-c', 'exit 6'], { HostConfig: { AutoRemove: true } });
    expect(await gone.wait({ condition: 'removed' })).toEqual({ StatusCode: 6 });
    expect(await gone.wait()).toEqual({ StatusCode: 6 });
    await expect(gone.inspect()).rejects.toMatchObject({ statusCode: 404 });
  });

  it('give the last lines of a log and go on with what follows', async () => {
    const container = await begin(['sh', '-c', 'echo 1; echo 2; echo 3; read x; echo 4'], {
      OpenStdin: true,
      StdinOnce: true,
      Tty: false,
    });
    const attached = await container.attach({ stream: true, stdin: true, hijack: true });
    const seen = doors.containers.logs(container.id, { follow: true });
    for await (const chunk of seen) if (chunk.bytes.toString().includes('3')) break;
    const follow = (await container.logs({ follow: true, stdout: true, tail: 1 })) as IncomingMessage;
    (attached as Duplex).end('go\n');
    const text = await textOf(follow);
    expect(text.replace(/[^\d]/g, '')).toBe('34');
  });

  it('attach without an Upgrade in a plain answer that ends with the container', async () => {
    const container = await docker.createContainer({ Image: 'img', Cmd: ['echo', 'plain'] });
    const request = httpRequest({
      socketPath: doors.operator,
      method: 'POST',
      path: `/containers/${container.id}/attach?stream=1&stdout=1`,
    }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response).toMatchObject({
      statusCode: 200,
      headers: expect.objectContaining({ 'content-type': 'application/vnd.docker.multiplexed-stream' }),
    });
    await container.start();
    expect((await textOf(response)).slice(8)).toBe('plain\n');
  });

  it('take input from a chunked body, and refuse it where the connection cannot carry it', async () => {
    const container = await docker.createContainer({ Image: 'img', Cmd: ['cat'], OpenStdin: true, StdinOnce: true });
    await expect(container.attach({ stream: true, stdin: true, stdout: true })).rejects.toMatchObject({
      statusCode: 501,
    });
    const path = `/containers/${container.id}/attach?stream=1&stdin=1&stdout=1`;
    const request = httpRequest({ socketPath: doors.operator, method: 'POST', path });
    request.write('in ');
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await container.start();
    request.end('pieces');
    expect(await textOf(response)).toContain('pieces');
  });

  it('take a half-close of the attach for the end of the input and nothing more', async () => {
    const container = await docker.createContainer({ Image: 'img', Cmd: ['sh', '-c', 'sleep 0.2; echo late'] });
    const socket = connect(doors.operator);
    socket.end(
      `POST /containers/${container.id}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
    );
    await once(socket, 'readable');
    await container.start();
    expect(await textOf(socket)).toContain('late\n');
  });

  it('keep the input open over an attach that ends, unless it was for once', async () => {
    const container = await begin(['cat'], { OpenStdin: true });
    for (const word of ['one', 'two']) {
      const stream = await container.attach({ stream: true, stdin: true, stdout: true, hijack: true });
      (stream as Duplex).end(word);
      for await (const piece of stream) if (piece.toString().includes(word)) break;
    }
    expect((await container.inspect()).State.Running).toBe(true);
  });

  it('refuse to start again what has ended, with the reason', async () => {
    const container = await begin(['true']);
    await container.wait();
    await expect(container.start()).rejects.toMatchObject({
      statusCode: 501,
      json: { message: expect.stringContaining('a run happens once') },
    });
    await expect(container.kill()).rejects.toMatchObject({ statusCode: 409 });
  });

  it('answer a client that offers HTTP/2 in HTTP/1.1', async () => {
    expect(
      (
        await send(doors.operator, {
          path: '/_ping',
          headers: { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c' },
        })
      ).text,
    ).toBe('OK');
  });
});
