import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDoors, send, type Doors } from './doors.fixture.ts';
import { closedCalls, escapes, foreignCalls } from './escapes.fixture.ts';

let doors: Doors;
beforeEach(async () => {
  doors = await openDoors();
});
afterEach(() => doors.close());

const create = (body: unknown, door = doors.vote, query = '') =>
  send(door, { method: 'POST', path: `/v1.47/containers/create${query}`, body: JSON.stringify(body) });

const idOf = (answer: { json: unknown }): string => (answer.json as { Id: string }).Id;

describe("DR-11 a function's door refuses and names the field, where the operator's door understands", () => {
  it.each(escapes)('$name', async ({ sent, field, operator }) => {
    const refused = await send(doors.vote, sent);
    expect(refused.json).toEqual({
      message: expect.stringMatching(new RegExp(`^Refused: ${field.replace(/[[\].$]/g, '\\$&')}: .`)),
    });
    expect(refused.status).toBe(403);
    expect(doors.containers.requests).toEqual([]);
    expect(doors.audit).toEqual([
      expect.objectContaining({ name: 'vote', facts: expect.objectContaining({ allowed: false, field }) }),
    ]);

    const understood = await send(doors.operator, sent);
    expect(understood).toMatchObject({ status: operator.status, text: expect.stringContaining(operator.says) });
    expect(doors.containers.requests).toMatchObject(operator.made);
  });

  it.each(foreignCalls)(
    '$method $path of a container that another started, by id and by name',
    async ({ operator, ...sent }) => {
      const id = idOf(await create({ Image: 'record', Cmd: ['sleep', '60'] }, doors.stranger, '?name=theirs'));
      await send(doors.stranger, { method: 'POST', path: `/containers/${id}/start` });
      for (const reference of [id, 'theirs', id.slice(0, 12)]) {
        const refused = await send(doors.vote, { ...sent, path: sent.path.replace('{id}', reference) });
        expect(refused).toMatchObject({
          status: 403,
          json: { message: expect.stringMatching(/^Refused: container: /) },
        });
      }
      const unknown = await send(doors.vote, { ...sent, path: sent.path.replace('{id}', 'f'.repeat(64)) });
      expect(unknown.status).toBe(403);
      // The wait would last: its end is brought about.
      const twin = send(doors.operator, { ...sent, path: sent.path.replace('{id}', id) });
      if (sent.path.endsWith('wait')) await doors.containers.kill(id, 9);
      expect((await twin).status).toBe(operator);
    },
  );
});

describe("DR-11 a function's door keeps a function out of what its own containers run", () => {
  it.each(closedCalls)('$method $path', async (sent) => {
    const id = idOf(await create({ Image: 'record', Cmd: ['sleep', '60'] }));
    await send(doors.vote, { method: 'POST', path: `/containers/${id}/start` });
    const refused = await send(doors.vote, { ...sent, path: sent.path.replace('{id}', id) });
    expect(refused).toMatchObject({ status: 403, json: { message: expect.stringMatching(/^Refused: path: ./) } });
  });

  it('and lets it measure, pause and unpause them', async () => {
    const id = idOf(await create({ Image: 'record', Cmd: ['sleep', '60'] }));
    const ask = async (method: string, path: string): Promise<number> =>
      (await send(doors.vote, { method, path: `/containers/${id}/${path}` })).status;
    await ask('POST', 'start');
    expect(await ask('GET', 'stats?stream=0&one-shot=1')).toBe(200);
    expect(await ask('POST', 'pause')).toBe(204);
    expect((await send(doors.operator, { path: `/containers/${id}/json` })).json).toMatchObject({
      State: { Status: 'paused', Paused: true, Running: true },
    });
    expect(await ask('POST', 'unpause')).toBe(204);
  });
});

describe("DR-11 a function's door lets in what may-run names", () => {
  it.each(['record', 'acme/record', 'acme/record:latest', 'docker.io/acme/record'])(
    'by the name or the image reference: %s',
    async (image) => {
      expect((await create({ Image: image, Cmd: ['echo', 'hi'] })).status).toBe(201);
      expect(doors.containers.requests).toMatchObject([
        { app: 'voting', target: { function: 'record' }, args: ['echo', 'hi'], parent: doors.caller.instance },
      ]);
    },
  );

  it('and writes network, labels, limits and lineage over what was asked', async () => {
    const asked = { Memory: 1e12, NanoCpus: 64e9, PidsLimit: 1e6, CpuQuota: 1e6, NetworkMode: 'none' };
    const answer = await create({
      Image: 'record',
      Env: ['A=b=c'],
      Labels: { 'minke.app': 'other', evil: '1' },
      NetworkDisabled: true,
      HostConfig: asked,
    });
    expect(answer.status).toBe(201);
    const [request] = doors.containers.requests;
    expect(request?.env).toEqual({ A: 'b=c' });
    expect(request?.options).toEqual({
      name: expect.any(String),
      stdin: 'none',
      keep: true,
      network: 'app',
      labels: {
        'minke.app': 'voting',
        'minke.function': 'record',
        'minke.caller': 'vote',
        'minke.parent': doors.caller.instance,
      },
    });
  });

  it('with one line in the audit for each decision', async () => {
    const id = idOf(await create({ Image: 'record' }));
    await send(doors.vote, { path: `/containers/${id}/json` });
    await send(doors.vote, { path: '/no/such/call' });
    await send(doors.vote, { path: '/v9.9/info' });
    expect(doors.audit.map(({ facts }) => facts)).toMatchObject([
      { allowed: true, target: 'record' },
      { allowed: true, container: id },
      { allowed: false, path: '/no/such/call' },
      { allowed: false, path: '/v9.9/info' },
    ]);
  });

  it('and says 404 of a call that there is not', async () => {
    expect(await send(doors.vote, { path: '/no/such/call' })).toMatchObject({
      status: 404,
      json: { message: expect.stringContaining('/no/such/call') },
    });
  });

  it('and shows only what it started itself, in lists, events and info', async () => {
    await create({ Image: 'record' }, doors.stranger, '?name=same');
    const mine = idOf(await create({ Image: 'record' }, doors.vote, '?name=same'));
    const list = await send(doors.vote, { path: '/containers/json?all=1' });
    expect(list.json).toMatchObject([{ Id: mine, Names: ['/same'] }]);
    const until = Date.now() / 1000;
    const events = await send(doors.vote, { path: `/events?since=0&until=${until}` });
    expect(
      events.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([{ Action: 'create', id: mine }]);
    expect((await send(doors.vote, { path: '/info' })).json).toMatchObject({
      Name: 'vote',
      Containers: 1,
      DockerRootDir: '',
    });
    expect((await send(doors.operator, { path: '/containers/json?all=1' })).json).toHaveLength(2);
  });

  it('and shows only the images that it may run', async () => {
    const images = (await send(doors.stranger, { path: '/images/json' })).json as { RepoTags: string[] }[];
    expect(images.flatMap(({ RepoTags }) => RepoTags)).toEqual(['acme/record:latest']);
    expect((await send(doors.vote, { path: '/images/record/json' })).json).toMatchObject({
      RepoTags: ['acme/record:latest'],
    });
  });

  it('and takes a body that only repeats the query, but no other', async () => {
    const id = idOf(await create({ Image: 'record', Cmd: ['sleep', '60'] }));
    expect(
      (await send(doors.vote, { method: 'POST', path: `/containers/${id}/start`, body: '{"Privileged":true}' })).json,
    ).toMatchObject({ message: expect.stringContaining('Refused: body: ') });
    expect((await send(doors.vote, { method: 'POST', path: `/containers/${id}/start`, body: '{}' })).status).toBe(204);
    expect(
      (
        await send(doors.vote, {
          method: 'POST',
          path: `/containers/${id}/kill?signal=KILL`,
          body: '{"signal":"KILL"}',
        })
      ).status,
    ).toBe(204);
  });
});

describe('DR-11 lineage is bounded', () => {
  it('in depth', async () => {
    doors.containers.place = { depth: 7, living: 7 };
    expect((await create({ Image: 'record' })).status).toBe(201);
    doors.containers.place = { depth: 8, living: 8 };
    expect(await create({ Image: 'record' })).toMatchObject({
      status: 403,
      json: { message: expect.stringContaining('Refused: lineage: ') },
    });
  });

  it('in living descendants, also when all ask at once', async () => {
    const { containers } = doors;
    const make = containers.create;
    containers.create = async (request) => {
      const made = await make(request);
      containers.place = { depth: 1, living: containers.requests.length };
      return made;
    };
    const answers = await Promise.all(Array.from({ length: 120 }, () => create({ Image: 'record' })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(100);
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(20);
  });
});

describe('DR-11 no connection is taken over to smuggle a second request', () => {
  const exchange = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(doors.vote, () => socket.write(text));
      let answer = '';
      socket.on('data', (bytes) => (answer += bytes.toString()));
      socket.on('error', reject);
      socket.on('close', () => resolve(answer));
    });
  const upgrade = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n';
  const second = 'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\n{"Image":"record"}';

  it('after a refused attach', async () => {
    const answer = await exchange(
      `POST /containers/${'f'.repeat(64)}/attach?stream=1 HTTP/1.1\r\n${upgrade}\r\n${second}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(doors.containers.requests).toEqual([]);
  });

  it('after an upgrade of a call that is none of the attaches', async () => {
    const answer = await exchange(
      `POST /containers/create HTTP/1.1\r\n${upgrade}Content-Length: 18\r\n\r\n{"Image":"record"}${second}`,
    );
    expect(answer).toContain('Refused: Upgrade: ');
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(doors.containers.requests).toEqual([]);
  });

  it('with an upgrade that also has a chunked body', async () => {
    const id = idOf(await create({ Image: 'record', Tty: true, OpenStdin: false }));
    const answer = await exchange(
      `POST /containers/${id}/attach?stream=1 HTTP/1.1\r\n${upgrade}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${second}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(doors.containers.requests).toHaveLength(1);
  });

  it('behind a request that is not answered yet: the connection ends with that answer', async () => {
    const id = idOf(await create({ Image: 'record', Cmd: ['cat'], OpenStdin: true }));
    const answer = await exchange(
      `GET /version HTTP/1.1\r\nHost: x\r\n\r\nPOST /containers/${id}/attach?stream=1 HTTP/1.1\r\n${upgrade}\r\n${second}`,
    );
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
    expect(doors.containers.requests).toHaveLength(1);
  });

  it('inside an attach without stdin: its bytes go nowhere', async () => {
    const id = idOf(await create({ Image: 'record', Cmd: ['cat'], OpenStdin: true }));
    const socket = exchange(`POST /containers/${id}/attach?stream=1&stdout=1 HTTP/1.1\r\n${upgrade}\r\n${second}`);
    await send(doors.vote, { method: 'POST', path: `/containers/${id}/start` });
    await send(doors.vote, { method: 'POST', path: `/containers/${id}/kill` });
    const answer = await socket;
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(answer).not.toContain('Image');
    expect(doors.containers.requests).toHaveLength(1);
  });
});

describe('what a caller watches ends with it', () => {
  const begin = async (query: string): Promise<string> => {
    const id = idOf(await create({ Image: 'record', Cmd: ['sleep', '60'] }, doors.vote, query));
    await send(doors.vote, { method: 'POST', path: `/containers/${id}/start` });
    return id;
  };
  const stateOf = async (id: string): Promise<unknown> => (await doors.containers.find(id, {}))?.run.state;

  it('by wait, also when its sockets closed just before; the rest goes on, and what was only recorded is forgotten', async () => {
    const [watched, left, detached] = [
      await begin('?name=watched'),
      await begin('?name=left'),
      await begin('?name=detached'),
    ];
    const recorded = idOf(await create({ Image: 'record' }));
    const open = new Promise<void>((resolve) => {
      const socket = connect(doors.vote, () =>
        socket.write(`POST /containers/${watched}/wait HTTP/1.1\r\nHost: x\r\n\r\n`),
      );
      socket.once('data', () => resolve());
    });
    const closed = new Promise<void>((resolve) => {
      const socket = connect(doors.vote, () =>
        socket.write(`POST /containers/${left}/wait HTTP/1.1\r\nHost: x\r\n\r\n`),
      );
      socket.once('data', () => socket.destroy());
      socket.once('close', () => resolve());
    });
    await Promise.all([open, closed]);
    await doors.api.callerEnded(doors.caller.instance);
    expect(await stateOf(watched)).toBe('cancelled');
    expect(await stateOf(left)).toBe('cancelled');
    expect(await stateOf(detached)).toBe('running');
    expect(await stateOf(recorded)).toBeUndefined();
  });
});
