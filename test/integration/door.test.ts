import Docker from 'dockerode';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { escapes, foreignCalls } from '../../src/dockerapi/escapes.fixture.ts';
import { placesFor } from '../../src/engines/sandbox/places.ts';
import { send } from '../../src/dockerapi/doors.fixture.ts';
import { createMinke, type Minke } from '../../src/sdk/minke.ts';
import { startDoorApp, type DoorApp } from './door-app.ts';
import { madeBy } from './door-host.ts';

let app: DoorApp;
let minke: Minke;
let operator: Docker;
let socketPath: string;
beforeAll(async () => {
  app = await startDoorApp();
  minke = createMinke(app.daemon.api, 'door');
  socketPath = join(app.daemon.dataFolder, 'minke.sock');
  operator = new Docker({ socketPath });
});
afterAll(async () => {
  expect(await app.purge(), 'left on the host').toEqual([]);
});

/** Lets a function do something from inside, and answers what it found. */
const inside = async <T>(scenario: string, args: readonly string[] = [], input = ''): Promise<T> =>
  JSON.parse(await minke.run('caller', [scenario, ...args], { input })) as T;

/** From the inside of its app's network. */
const shell = async (script: string): Promise<string> => await minke.run('record', ['sh', '-c', script]);

const idsOfAll = async (): Promise<string[]> =>
  (await operator.listContainers({ all: true })).map(({ Id }) => Id).toSorted();

describe('an unmodified dockerode inside a function', () => {
  it('DR-11 runs another function in the foreground, with exact output and exit code', async () => {
    const script = String.raw`printf 'no newline'; echo oops >&2; exit 3`;
    expect(await inside('dockerForeground', ['sh', '-c', script])).toEqual({
      code: 3,
      out: 'no newline',
      err: 'oops\n',
    });
    expect(await inside('dockerForeground', ['printf', '%s|', 'a b', '"c"', ''])).toEqual({
      code: 0,
      out: 'a b|"c"||',
      err: '',
    });
  });

  it('DR-11 runs one detached, and inspect, list, wait, logs and remove work on it', async () => {
    const seen = await inside<{ id: string }>('dockerDetached');
    expect(seen).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
      states: ['created', 'exited'],
      code: 4,
      inspectedCode: 4,
      listed: [[seen.id, ['/mine'], 'exited']],
      logs: { out: 'whale\n', err: 'oops\n' },
      left: [],
    });
  });

  it('DR-11 gives another function input over an attach', async () => {
    expect(await inside('dockerAttach', ['through the door\n'])).toEqual({ code: 0, out: 'through the door\n' });
  });

  it('DR-11 kills what it started', async () => {
    expect(await inside('dockerKill')).toEqual({ running: [true], code: 137, runningAfter: [] });
  });

  it('DR-11 what it started detached goes on without it, and is a run with its id', async () => {
    const { id } = await inside<{ id: string }>('dockerLeave');
    expect(await minke.runs.wait(id)).toMatchObject({ id, state: 'succeeded', target: { function: 'record' } });
    expect((await minke.runs.result(id)).toString()).toBe('done\n');
  });

  it('DR-11 its right ends with it: the folder of its socket is gone from the host', async () => {
    const caller = await minke.run('caller', ['dockerStay'], { detach: true });
    const first = await firstLine(caller.id);
    const run = await minke.runs.get(caller.id);
    const folder = join(placesFor(app.daemon.dataFolder).run, 'doors', (run.instance ?? '').slice(0, 12), 'minke.sock');
    const asked = { path: `/containers/${first}/json` };
    expect((await send(folder, asked)).status).toBe(200);
    await minke.runs.cancel(caller.id);
    await expect(send(folder, asked)).rejects.toThrow(/ENOENT|ECONNREFUSED/);
    expect((await minke.runs.get(first)).state).toBe('running');
    await operator.getContainer(first).kill();
  });
});

/** Of what a run writes while it goes on. */
async function firstLine(id: string): Promise<string> {
  let written = '';
  for await (const { data } of minke.runs.logs(id, { follow: true })) {
    written += data.toString();
    if (written.includes('\n')) break;
  }
  return written.slice(0, written.indexOf('\n'));
}

describe("what a function's door refuses works at the operator's, so that the refusal is policy and not absence", () => {
  it('DR-11 the refusals name their field, and nothing is made', async () => {
    const foreign = await operator.createContainer({ Image: 'busybox', Cmd: ['sleep', '300'] });
    await foreign.start();
    const [made, ids] = [madeBy(app.daemon), await idsOfAll()];
    const refused = (field: string) => ({
      status: 403,
      message: expect.stringMatching(new RegExp(`^Refused: ${field}: .`)),
    });
    expect(await inside('dockerRefusals', [foreign.id])).toEqual({
      privileged: refused('HostConfig.Privileged'),
      bind: refused('HostConfig.Binds'),
      mount: refused('HostConfig.Mounts'),
      pid: refused('HostConfig.PidMode'),
      inspect: refused('container'),
      kill: refused('container'),
      image: refused('Image'),
    });
    expect(madeBy(app.daemon)).toEqual(made);
    const callers = await minke.runs.list({ function: 'caller' });
    expect((await idsOfAll()).filter((id) => !callers.some((run) => run.id === id))).toEqual(
      ids.filter((id) => !callers.some((run) => run.id === id)),
    );
    expect(made.containers, 'a container that lives is seen').toHaveLength(2);
    await foreign.remove({ force: true });
  });

  it('DR-11 the whole corpus of escapes, sent from inside as it is written, is refused and makes nothing', async () => {
    const before = madeBy(app.daemon);
    const sent = escapes.map((escape) => ({ ...escape.sent, body: escape.sent.body?.toString() }));
    const answers = await inside<{ status: number; text: string }[]>('raw', [], JSON.stringify(sent));
    expect(answers).toHaveLength(escapes.length);
    for (const [index, { name, field }] of escapes.entries()) {
      expect({ name, status: answers[index]?.status }).toEqual({ name, status: 403 });
      const { message } = JSON.parse(answers[index]?.text ?? '') as { message: string };
      expect({ name, message: message.slice(0, `Refused: ${field}: `.length) }).toEqual({
        name,
        message: `Refused: ${field}: `,
      });
    }
    expect(madeBy(app.daemon)).toEqual(before);
    const caller = (await minke.runs.list({ function: 'caller', limit: 1 }))[0];
    expect((await minke.runs.list({ limit: 1000 })).filter(({ parent }) => parent === caller?.instance)).toEqual([]);
    expect(app.daemon.log()).not.toContain('A call of the Docker API failed');
  });

  it("DR-11 no call works on another app's container, by id or by name", async () => {
    const foreign = await operator.createContainer({ name: 'theirs', Image: 'busybox', Cmd: ['sleep', '300'] });
    await foreign.start();
    const sent = [foreign.id, foreign.id.slice(0, 12), 'theirs'].flatMap((reference) =>
      foreignCalls.map(({ method, path }) => ({ method, path: path.replace('{id}', reference) })),
    );
    const answers = await inside<{ status: number; text: string }[]>('raw', [], JSON.stringify(sent));
    expect(answers.map(({ status }) => status)).toEqual(sent.map(() => 403));
    for (const { text: body } of answers) expect(body).toContain('Refused: container: ');
    expect((await foreign.inspect()).State.Status).toBe('running');
    await foreign.remove({ force: true });
  });

  it('DR-11 privileged: at the operator it may mount a file system, which no other container may', async () => {
    const script = ['sh', '-c', 'mount -t tmpfs none /var && grep -c " /var " /proc/mounts'];
    expect(await operate(script)).toMatchObject({ code: 1, err: expect.stringMatching(/permitted|denied/) });
    expect(await operate(script, { Privileged: true })).toEqual({ code: 0, out: '1\n', err: '' });
  });

  it("DR-11 a bind mount: at the operator it shows the host's file", async () => {
    const folder = mkdtempSync(join(tmpdir(), 'minke-bind-'));
    writeFileSync(join(folder, 'file'), 'of the host\n');
    const shown = await operate(['cat', '/host/file'], { Binds: [`${folder}:/host:ro`] });
    const mounted = await operate(['cat', '/host/file'], {
      Mounts: [{ Type: 'bind', Source: folder, Target: '/host' }],
    });
    rmSync(folder, { recursive: true });
    expect([shown, mounted]).toEqual([1, 2].map(() => ({ code: 0, out: 'of the host\n', err: '' })));
  });

  it("DR-11 the host's pid namespace: at the operator it shows the host's processes", async () => {
    const script = ['sh', '-c', `cat /proc/${process.pid}/comm`];
    expect((await operate(script)).code).toBe(1);
    expect(await operate(script, { PidMode: 'host' })).toMatchObject({ code: 0, out: expect.stringMatching(/./) });
  });

  it("DR-11 another's container and //containers/create: the operator inspects the one and makes the other", async () => {
    const { id } = await minke.run('record', ['sleep', '300'], { detach: true });
    expect(await operator.getContainer(id).inspect()).toMatchObject({ Id: id, Args: ['300'] });
    await operator.getContainer(id).kill();
    const created = await send(socketPath, {
      method: 'POST',
      path: '//containers/create',
      body: JSON.stringify({ Image: 'busybox', Cmd: ['echo', 'made'] }),
      headers: { 'Content-Type': 'application/json' },
    });
    expect(created.status).toBe(201);
    const made = operator.getContainer((created.json as { Id: string }).Id);
    await made.start();
    expect(await made.wait()).toEqual({ StatusCode: 0 });
    await made.remove();
  });
});

/** `docker run` at the operator's door. */
async function operate(
  cmd: string[],
  hostConfig: Docker.HostConfig = {},
): Promise<{ code: number; out: string; err: string }> {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const texts = Promise.all([text(out), text(err)]);
  const [result, container] = (await operator.run('busybox', cmd, [out, err] as never, {
    Tty: false,
    HostConfig: hostConfig,
  })) as [{ StatusCode: number }, Docker.Container];
  out.end();
  err.end();
  await container.remove();
  const [stdout, stderr] = await texts;
  return { code: result.StatusCode, out: stdout, err: stderr };
}

describe('minke/sdk inside a function', () => {
  it('DR-1 DR-2 DR-3 runs functions without any configuration, by lists and by strings, attached and detached', async () => {
    const found = await inside<{ detached: { id: string; acceptedMs: number } }>('sdkRun');
    expect(found).toEqual({
      list: 'a b|"c"||',
      words: 'a b|c d|e f|',
      both: expect.stringMatching(/^(out\nerr|err\nout)\n$/),
      onlyErr: 'err\n',
      input: 'from the caller',
      env: 'b c\n',
      detached: {
        id: expect.stringMatching(/^[0-9a-f]{64}$/),
        acceptedMs: expect.any(Number),
        state: 'failed',
        exitCode: 3,
        chunks: [['stdout', 'later\n']],
      },
      result: 'later\n',
      called: { n: [1, 2] },
      calledWithArguments: 'x',
      own: 9,
    });
    expect(found.detached.acceptedMs).toBeLessThan(500);
    expect(await minke.runs.get(found.detached.id)).toMatchObject({ app: 'door', state: 'failed', exitCode: 3 });
  });

  it('DR-2 tells a failure by its type, with exit status, command, target and what was written', async () => {
    expect(await inside('sdkFailure')).toEqual({
      kinds: [true, true],
      code: 'RUN_FAILED',
      exitStatus: 9,
      command: ['sh', '-c', 'echo half; echo why >&2; exit 9'],
      target: 'record',
      stdout: 'half\n',
      stderr: 'why\n',
      message: '"record" ended with exit code 9: why',
    });
  });

  it('DR-13 calls a function by its name, JSON in and out; a crash is an error, with output or without', async () => {
    expect(await inside('sdkCalls')).toEqual({
      echoed: { n: [1, null] },
      crashed: { code: 'RUN_FAILED', message: '"record" ended with exit code 9' },
      crashedBehindJson: { code: 'RUN_FAILED', message: '"record" ended with exit code 9' },
      noJson: { code: 'UPSTREAM_FAILED', message: expect.stringContaining('is not JSON: once upon a time') },
    });
  });

  it('DR-11 starts what may-run names and nothing else, in its own app, and sees only its own runs', async () => {
    const { id } = await minke.run('record', ['sleep', '300'], { detach: true });
    const refused = { code: 'POLICY_REFUSED', message: expect.stringMatching(/^Refused: target\./) };
    const hidden = { code: 'RUN_NOT_FOUND', message: `Cannot find the run "${id}"` };
    expect(await inside('sdkRefusals', [id])).toEqual({
      function: refused,
      image: refused,
      call: refused,
      callback: { ...refused, message: expect.stringMatching(/^Refused: callback: /) },
      app: 'door',
      get: hidden,
      result: hidden,
      cancel: hidden,
      listed: [],
    });
    expect((await minke.runs.get(id)).state).not.toBe('cancelled');
    await operator.getContainer(id).kill();
  });
});

describe('lineage', () => {
  it('DR-11 a function that starts itself without end, by runs and by calls, is stopped 8 deep', async () => {
    expect(JSON.parse(await minke.run('loop'))).toEqual({
      depth: 8,
      code: 'POLICY_REFUSED',
      message: 'Refused: lineage: containers start containers 8 deep at most',
    });
    expect(await minke.runs.list({ function: 'loop', state: ['queued', 'starting', 'running'] })).toEqual([]);
  });

  it('DR-11 a function that calls itself by its name, with nothing but HTTP, is stopped 8 deep', async () => {
    expect(await minke.run('again', ['0'])).toMatch(/^wget: .* 403 Forbidden\nstopped at 8\n$/);
  });

  it('DR-11 one call has at most 100 living descendants, most of them in line, and the host stays well', async () => {
    expect(await inside('sdkFlood')).toEqual({
      accepted: 100,
      code: 'POLICY_REFUSED',
      message: 'Refused: lineage: one call has 100 living descendants at most',
    });
    const flood = await minke.runs.list({ function: 'idle', state: ['queued', 'starting', 'running'], limit: 1000 });
    expect(flood).toHaveLength(100);
    expect(await minke.run('record', ['echo', 'still here'])).toBe('still here\n');
    expect(madeBy(app.daemon).containers.length).toBeLessThanOrEqual(4);
    await Promise.all(flood.map(async ({ id }) => await minke.runs.cancel(id)));
    expect(await minke.runs.list({ function: 'idle', state: ['queued', 'starting', 'running'] })).toEqual([]);
  });
});

describe("inside the app's network", () => {
  it('CO-6 a cgi function answers at http://NAME/, the whole path its own', async () => {
    expect(await shell('wget -qO- "http://hello/a/b?x=1"')).toBe('/a/b|x=1|');
    expect(await shell('wget -qO- --post-data=body http://hello/')).toBe('/||body');
    expect(await shell('wget -qO- http://hello:8080/port')).toBe('/port||');
  });

  it('CO-6 a task answers at http://NAME/: body = stdin, ?arg= = arguments, stdout = answer', async () => {
    expect(await shell('wget -qO- --post-data=12345 "http://count/?arg=-c"')).toBe('5\n');
    expect(await shell('wget -qO- "http://echo/?arg=echo&arg=a%20b&arg=c"')).toBe('a b c\n');
    await expect(shell('wget -qO- "http://echo/?arg=false"')).rejects.toThrow(/502 Bad Gateway/);
  });

  it('DR-9 DR-13 a task that knows no HTTP is called with nothing but HTTP: JSON in on stdin and out on stdout; a crash is a 502', async () => {
    const crash = (message: string): object => ({
      status: 502,
      type: 'application/json',
      json: { error: expect.objectContaining({ code: 'RUN_FAILED', message }) },
    });
    expect(await inside('rawCalls')).toEqual({
      echoed: { status: 200, type: 'application/json', json: { n: [1, 2] } },
      crashed: crash('"record" ended with exit code 9'),
      killed: crash('"record" ended with exit code 137'),
    });
  });

  it('CO-6 a service answers at its name and port, and who comes while it restarts is held until it is back', async () => {
    const script = [
      'echo | nc life 7000',
      'echo die | nc life 7000 >/dev/null',
      // Refused while its end has not been seen; held from then on.
      'until echo | nc life 7000; do :; done 2>/dev/null',
    ];
    const lives = (await shell(script.join('\n'))).trim().split('\n');
    expect(lives).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(lives[1]).not.toBe(lives[0]);
  });

  it('CO-6 a name of no service and a name of another app are not answered', async () => {
    await expect(shell('nslookup nobody')).rejects.toThrow(/exit code 1/);
    expect(await shell('nslookup hello')).toContain('Address: 10.64.');
  });
});
