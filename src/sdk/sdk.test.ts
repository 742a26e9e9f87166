import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { fromEnv, MinkeError, RunError } from './index.ts';
import { scriptRuns, type Task } from './testing/stand-in-runs.ts';
import { sendJson, startStandIn, type Script, type StandIn } from './testing/stand-in.ts';

const bytes = Buffer.from([0xff, 0x00, 0x0a, 0xc3]);

const tasks: Readonly<Record<string, Task>> = {
  say: ({ run, write }) => {
    write('stderr', 'about to speak\n');
    write('stdout', run.args.join('|'));
    return { exitCode: 0 };
  },
  'alpine:3': ({ run, write }) => {
    write('stdout', `image ${run.args.join(' ')}\n`);
    return { exitCode: 0 };
  },
  cat: ({ input, write }) => {
    write('stdout', input);
    return { exitCode: 0 };
  },
  env: ({ run, write }) => {
    write('stdout', JSON.stringify({ env: run.env, timeoutMs: run.timeoutMs, app: run.app }));
    return { exitCode: 0 };
  },
  fail: ({ write }) => {
    write('stdout', 'half\n');
    write('stderr', 'starting\nno such voter\n');
    return { exitCode: 3, error: { code: 'RUN_FAILED', message: '"fail" ended with exit code 3' } };
  },
  slow: () => ({ state: 'timed-out', exitCode: 137, error: { code: 'RUN_TIMED_OUT', message: 'too slow' } }),
  hang: ({ write }) => {
    write('stdout', 'waiting\n');
    return new Promise(() => undefined);
  },
};

let standIn: StandIn;
const start = async (script: Script = {}): Promise<ReturnType<typeof fromEnv>> => {
  standIn = await startStandIn({ ...scriptRuns(tasks), ...script });
  return fromEnv(standIn.env);
};
afterEach(() => standIn?.close());

describe('run', () => {
  it('DR-1 needs no configuration: the socket of the local daemon, or MINKE_API', async () => {
    const minke = await start();
    expect(await minke.run('say', ['a', 'b c'])).toBe('a|b c');
    const byUrl = fromEnv({ MINKE_API: `unix://${standIn.socketPath}` });
    expect(await byUrl.run('say', ['x'])).toBe('x');
  });

  it('DR-1 takes arguments as an array or as a string that is split as a shell would', async () => {
    const minke = await start();
    expect(await minke.run('say', ['$HOME', '"a', ''])).toBe('$HOME|"a|');
    expect(await minke.run('say', `one 'two  three' "a \\"b\\" $HOME" c\\ d ''`)).toBe(
      'one|two  three|a "b" $HOME|c d|',
    );
    expect(await minke.run('say')).toBe('');
    await expect(minke.run('say', `it's open`)).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('DR-1 tells a function from an image by its name, and takes {image} for the rest', async () => {
    const minke = await start();
    expect(await minke.run('alpine:3', 'ls -l')).toBe('image ls -l\n');
    expect(await minke.run({ image: 'say' }, 'a')).toBe('a');
    await expect(minke.run('nobody')).rejects.toMatchObject({ code: 'TARGET_NOT_FOUND' });
  });

  it('DR-2 answers exactly what was written, byte for byte when asked for a buffer', async () => {
    const minke = await start();
    expect(await minke.run('cat', [], { input: bytes, encoding: 'buffer' })).toEqual(bytes);
    expect(await minke.run('cat', [], { input: 'no newline added' })).toBe('no newline added');
  });

  it('DR-2 selects stdout and stderr', async () => {
    const minke = await start();
    expect(await minke.run('say', 'hi', { stderr: true })).toBe('about to speak\nhi');
    expect(await minke.run('say', 'hi', { stdout: false, stderr: true })).toBe('about to speak\n');
    expect(await minke.run('say', 'hi', { stdout: false })).toBe('');
  });

  it('DR-2 rejects with exit status, command, target and stderr when the exit code is not zero', async () => {
    const minke = await start();
    const error = await minke.run('fail', ['alice', 'a']).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RunError);
    expect(error).toBeInstanceOf(MinkeError);
    expect(error).toMatchObject({
      name: 'RunError',
      code: 'RUN_FAILED',
      exitStatus: 3,
      command: ['alice', 'a'],
      target: 'fail',
      image: undefined,
      stdout: 'half\n',
      stderr: 'starting\nno such voter\n',
      message: '"fail" ended with exit code 3: no such voter',
    });
    await expect(minke.run('slow')).rejects.toMatchObject({ code: 'RUN_TIMED_OUT', exitStatus: 137 });
  });

  it('passes environment, time-out and app; MINKE_APP is the default app', async () => {
    const minke = await start();
    const options = { env: { A: '1' }, timeout: 2_500, app: 'voting' };
    expect(JSON.parse(await minke.run('env', [], options))).toEqual({
      env: { A: '1' },
      timeoutMs: 2_500,
      app: 'voting',
    });
    const inApp = fromEnv({ ...standIn.env, MINKE_APP: 'shop' });
    expect(JSON.parse(await inApp.run('env'))).toMatchObject({ app: 'shop' });
  });

  it('DR-3 detach answers an id in milliseconds; state, exit code, logs and result can be had later', async () => {
    const minke = await start();
    const begun = performance.now();
    const { id } = await minke.run('say', ['later'], { detach: true });
    expect(performance.now() - begun).toBeLessThan(250);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await minke.runs.wait(id)).toMatchObject({ id, state: 'succeeded', exitCode: 0 });
    expect(await minke.runs.get(id)).toMatchObject({ state: 'succeeded' });
    expect((await minke.runs.result(id)).toString()).toBe('later');
    const chunks = await all(minke.runs.logs(id));
    expect(chunks.map(({ stream, data }) => [stream, data.toString()])).toEqual([
      ['stderr', 'about to speak\n'],
      ['stdout', 'later'],
    ]);
    expect((await minke.runs.list({ state: ['succeeded', 'failed'] })).map((run) => run.id)).toEqual([id]);
  });

  it('DR-3 a run that is not settled is answered as it is after the time-out of wait, and can be cancelled', async () => {
    const minke = await start();
    const { id } = await minke.run('hang', [], { detach: true });
    expect(await minke.runs.wait(id, { timeout: 20 })).toMatchObject({ state: 'running' });
    await minke.runs.cancel(id);
    expect(await minke.runs.wait(id)).toMatchObject({ state: 'cancelled' });
    await expect(minke.runs.cancel(id)).rejects.toMatchObject({ code: 'RUN_STATE' });
    await expect(minke.runs.get('f'.repeat(64))).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  });

  it('an abort cancels the run before it rejects with the reason of the signal', async () => {
    const minke = await start();
    const abort = new AbortController();
    const reason = new Error('the user left');
    const running = minke.run('hang', [], { signal: abort.signal });
    const { id } = await firstRun(minke);
    abort.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(standIn.seen).toContain(`POST /minke/v1/runs/${id}/cancel`);
    expect(await minke.runs.wait(id)).toMatchObject({ state: 'cancelled' });
  });

  it('an abort before the call starts nothing', async () => {
    const minke = await start();
    await expect(minke.run('say', [], { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(standIn.seen).toEqual([]);
  });
});

/** The only run there is, as soon as it writes: an event, not a time, says that it runs. */
async function firstRun(minke: ReturnType<typeof fromEnv>): Promise<{ id: string }> {
  for (;;) {
    const [run] = await minke.runs.list();
    if (run === undefined) continue;
    for await (const _ of minke.runs.logs(run.id, { follow: true })) return run;
  }
}

describe('call', () => {
  it('sends JSON and answers JSON', async () => {
    const minke = await start({
      call: ({ json, parameters, query }, answer) =>
        sendJson(answer, { got: json(), name: parameters.function, args: query.getAll('arg') }),
    });
    const answer = await minke.call('count votes', { a: 1 }, { args: ['x', 'y'] });
    expect(answer).toEqual({ got: { a: 1 }, name: 'count votes', args: ['x', 'y'] });
  });

  it('tells a crash, an answer that is not JSON and a function that is not there apart from an empty answer', async () => {
    const replies: Record<string, () => unknown> = {
      gone: () => {
        throw new MinkeError('TARGET_NOT_FOUND', { target: 'gone', app: 'default' });
      },
      crash: () => {
        throw new MinkeError('RUN_FAILED', { name: 'crash', exitCode: 1, run: 'ab' });
      },
    };
    const minke = await start({
      call: ({ parameters: { function: name = '' } }, answer) => {
        replies[name]?.();
        if (name === 'teapot') answer.writeHead(418).end('short and stout');
        else answer.end(name === 'prose' ? 'once upon a time' : '');
      },
    });
    await expect(minke.call('gone')).rejects.toMatchObject({ code: 'TARGET_NOT_FOUND' });
    await expect(minke.call('crash')).rejects.toMatchObject({ code: 'RUN_FAILED', facts: { run: 'ab' } });
    await expect(minke.call('prose')).rejects.toThrow('"prose" broke off: its answer is not JSON: once upon a time');
    await expect(minke.call('teapot')).rejects.toThrow(`"teapot" broke off: HTTP 418 I'm a Teapot: short and stout`);
    expect(await minke.call('empty')).toBeUndefined();
    expect(await minke.call('prose', undefined, { answer: 'text' })).toBe('once upon a time');
  });
});

describe('connection', () => {
  it('says which address nobody answers at', async () => {
    const nowhere = fromEnv({ MINKE_API: 'unix:///nowhere/minke.sock' });
    await expect(nowhere.run('say')).rejects.toMatchObject({
      code: 'DAEMON_UNREACHABLE',
      message: 'No daemon answers at /nowhere/minke.sock',
    });
    await expect(fromEnv({ MINKE_API: 'http://127.0.0.1:1' }).run('say')).rejects.toThrow('http://127.0.0.1:1');
    expect(() => fromEnv({ MINKE_API: 'ftp://x' })).toThrow('Cannot use MINKE_API="ftp://x"');
  });

  it('more callers at once than the socket has room for are all answered', async () => {
    const minke = await start();
    const { id } = await minke.run('say', ['a'], { detach: true });
    const waits = Array.from({ length: 1500 }, async () => (await minke.runs.wait(id)).state);
    expect(new Set(await Promise.all(waits))).toEqual(new Set(['succeeded']));
  });

  it('a connection that breaks is an error that says so, at the head and in the middle of an answer', async () => {
    const minke = await start({
      runWait: (_, answer) => answer.destroy(),
      runLogs: (_, answer) => {
        answer.write(`${JSON.stringify({ stream: 'stdout', at: 1, data: '' })}\n`, () => answer.destroy());
      },
    });
    await expect(minke.run('say')).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    const { id } = await minke.run('say', [], { detach: true });
    await expect(all(minke.runs.logs(id))).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });

  it('asks once more when the daemon closes a kept connection just as it is used again', async () => {
    const used = new WeakSet<object>();
    const minke = await start({
      runList: (_, answer) => {
        const { socket } = answer.req;
        if (used.has(socket)) socket.destroy();
        else sendJson(answer, { runs: [] });
        used.add(socket);
      },
    });
    expect(await minke.runs.list()).toEqual([]);
    expect(await minke.runs.list()).toEqual([]);
    expect(standIn.seen).toHaveLength(3);
  });

  it('asks once more when the daemon has closed a kept connection and the news of it is still under way', async () => {
    let close = (): unknown => undefined;
    const minke = await start({
      runList: (_, answer) => {
        close = () => answer.req.socket.destroy();
        sendJson(answer, { runs: [] });
      },
    });
    expect(await minke.runs.list()).toEqual([]);
    close();
    expect(await minke.runs.list()).toEqual([]);
    expect(standIn.seen).toHaveLength(2);
  });

  it('reaches a socket whose name is too long for the kernel through the link that lies there', async () => {
    await start();
    const deep = join(standIn.folder, 'd'.repeat(60), 'e'.repeat(60));
    await mkdir(deep, { recursive: true });
    await symlink(standIn.socketPath, join(deep, 'minke.sock'));
    expect(await fromEnv({ MINKE_DATA: deep }).run('say', ['deep'])).toBe('deep');
  });

  it('reads characters and lines that are cut anywhere', async () => {
    const line = Buffer.from(`${JSON.stringify({ stream: 'stdout', at: 1, data: '', note: 'zażółć 🐋' })}\n`);
    const minke = await start({
      runLogs: async (_, answer) => {
        for (const byte of line) await new Promise((resolve) => answer.write(Buffer.of(byte), resolve));
        answer.end();
      },
    });
    const { id } = await minke.run('say', [], { detach: true });
    expect(await all(minke.runs.logs(id))).toHaveLength(1);
  });
});

describe('package', () => {
  it('DR-1 runs as plain JavaScript with nothing but Node: types stripped, no dependency', async () => {
    await start();
    const folder = await mkdtemp(join(tmpdir(), 'minke-sdk-'));
    try {
      await pack('src/sdk/index.ts', folder);
      const program = `import { fromEnv } from ${JSON.stringify(join(folder, 'src/sdk/index.js'))};
        process.stdout.write(await fromEnv().run('say', 'from javascript'));`;
      await writeFile(join(folder, 'package.json'), '{"type":"module"}');
      await writeFile(join(folder, 'main.mjs'), program);
      const { stdout } = await promisify(execFile)('node', [join(folder, 'main.mjs')], {
        env: { ...process.env, ...standIn.env },
      });
      expect(stdout).toBe('from|javascript');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const allowed = /^src\/(sdk\/|errors\/|api\/routes\.ts$)/;

/** The file and all that it imports, as a packer would write them; fails on an import that the SDK may not have. */
async function pack(file: string, folder: string, done: Set<string> = new Set()): Promise<void> {
  if (done.has(file)) return;
  done.add(file);
  expect(file).toMatch(allowed);
  const source = stripTypeScriptTypes(await readFile(file, 'utf8'));
  const imports = [...source.matchAll(/^(?:import|export)\b[^;]*? from '([^']+)'/gm)].map(([, name = '']) => name);
  for (const name of imports.filter((one) => !one.startsWith('node:'))) {
    expect(name).toMatch(/^\.\.?\/.*\.ts$/);
    await pack(join(dirname(file), name), folder, done);
  }
  const target = join(folder, file.replace(/\.ts$/, '.js'));
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, source.replace(/( from '\.[^']+)\.ts'/g, "$1.js'"));
}
