import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { declareEngineConformance } from '../conformance.ts';
import { createFakeEngine, createFakeHost, fakeSpec } from './index.ts';
import { conformanceScript } from './fake.programs.ts';

declareEngineConformance({
  name: 'fake',
  skips: {
    terminal: 'the fake has no terminals',
    'first-size': 'the fake has no terminals',
    files: 'the fake has no file system',
    roots: 'the fake has no file system',
    isolation: 'the fake has no process table',
    'memory-limit': 'no kernel counts the memory of a fake instance',
    'pids-limit': 'no kernel counts the processes of a fake instance',
  },
  create: async () => {
    const host = createFakeHost();
    let engine = createFakeEngine({ host, script: conformanceScript });
    return {
      engine,
      reopen: async (whileDown) => {
        engine.crash();
        await whileDown?.();
        engine = createFakeEngine({ host, script: conformanceScript });
        return engine;
      },
      spec: (overrides) => fakeSpec(overrides),
      leftovers: async () => host.leftovers(),
      dispose: async () => undefined,
    };
  },
});

describe('the script of a fake engine', () => {
  it('finds a behaviour by argv before it does by name', async () => {
    const engine = createFakeEngine({ script: { name: { exitCode: 1 }, 'run me': { exitCode: 2 } } });
    const exits = [['run', 'me'], ['other']].map(async (argv) => (await engine.start(fakeSpec({ argv }))).exited);
    expect((await Promise.all(exits)).map(({ code }) => code)).toEqual([2, 1]);
  });

  it('plays output, exit code and cause', async () => {
    const engine = createFakeEngine({
      script: { name: { stdout: 'out', stderr: 'err', exitCode: 137, cause: 'out-of-memory' } },
    });
    const instance = await engine.start(fakeSpec());
    expect(await instance.exited).toMatchObject({ code: 137, cause: 'out-of-memory' });
    expect(instance.stdout && (await text(instance.stdout))).toBe('out');
    expect(instance.stderr && (await text(instance.stderr))).toBe('err');
  });

  it('echoes stdin', async () => {
    const engine = createFakeEngine({ script: { name: { echoStdin: true } } });
    const instance = await engine.start(fakeSpec({ stdin: 'open' }));
    instance.stdin?.end('echo');
    expect(instance.stdout && (await text(instance.stdout))).toBe('echo');
  });

  it('refuses to start, with the reason', async () => {
    const engine = createFakeEngine({ script: { name: { failStart: 'no luck' } } });
    await expect(engine.start(fakeSpec())).rejects.toThrow('Cannot start "name": no luck');
  });

  it('starts only when its time has come, and not for a caller who gave up', async () => {
    const engine = createFakeEngine({ script: { name: { startMs: Infinity } } });
    const giveUp = new AbortController();
    const starting = engine.start(fakeSpec(), giveUp.signal);
    giveUp.abort();
    await expect(starting).rejects.toBeInstanceOf(Error);
  });

  it('crashes a service after a while', async () => {
    const engine = createFakeEngine({ script: { name: { crashAfterMs: 1 } } });
    const instance = await engine.start(fakeSpec({ kind: 'service', streams: 'logs' }));
    expect(await instance.exited).toMatchObject({ code: 1, cause: 'exited' });
  });

  it('keeps a service up until it is stopped, against SIGTERM when told so', async () => {
    const engine = createFakeEngine({ script: { name: { ignoreTerm: true } } });
    const instance = await engine.start(fakeSpec({ kind: 'service', streams: 'logs' }));
    await engine.kill(instance.handle.id, 15);
    expect(await engine.inspect(instance.handle.id)).toMatchObject({ state: 'running' });
    await engine.stop(instance.handle.id, 1);
    expect(await instance.exited).toMatchObject({ code: 137, cause: 'stopped' });
  });

  it('answers at the address and port that it was given', async () => {
    const engine = createFakeEngine({
      script: { name: { address: '10.9.9.9', serve: { 80: (socket) => socket.end('served') } } },
    });
    await engine.networks.ensure({ app: 'app', names: [], listener: () => undefined });
    const instance = await engine.start(fakeSpec({ kind: 'http', network: 'app', streams: 'logs' }));
    const { signal } = new AbortController();
    expect(instance.address).toBe('10.9.9.9');
    await expect.poll(async () => text(await engine.networks.connect('app', '10.9.9.9', 80, signal))).toBe('served');
    await engine.close({ purge: true });
  });
});
