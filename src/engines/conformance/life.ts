import { describe, expect } from 'vitest';
import { newId, shortId } from '../../model/ids.ts';
import { declarePromises, logged, readToEnd, waitForLog, waitForText } from './bench.ts';
import { program } from './programs.ts';
import type { EngineSubject } from './subject.ts';

/** Starting, ending, stopping, removing. */
export function declareLife(subject: EngineSubject): void {
  const promise = declarePromises(subject);

  describe('starting and ending', () => {
    for (const code of [0, 1, 42, 255]) {
      promise(`gives exit code ${code} exactly`, async (bench) => {
        const { exit } = await bench.run({ argv: program('exit', String(code)) });
        expect(exit).toMatchObject({ code, cause: 'exited' });
      });
    }

    promise('carries id, name, labels and a handle that says which engine made it', async (bench) => {
      const spec = bench.spec({ argv: program('exit', '0'), name: 'carried', labels: { team: 'blue' } });
      const instance = await bench.engine.start(spec);
      expect(instance.handle).toEqual({ version: 1, engine: bench.engine.describe().name, id: spec.id });
      expect(instance.spec).toMatchObject({
        id: spec.id,
        app: bench.app,
        name: 'carried',
        labels: { team: 'blue' },
        imageId: spec.image.id,
      });
      await instance.exited;
    });

    promise('rejects a missing program, names it and leaves nothing behind', async (bench) => {
      const spec = bench.spec({ argv: ['/no/such/program'] });
      await expect(bench.engine.start(spec)).rejects.toMatchObject({
        code: 'INSTANCE_START_FAILED',
        message: expect.stringContaining('/no/such/program'),
      });
      expect(await bench.engine.inspect(spec.id)).toBeUndefined();
      expect(await bench.leftoversOf(spec.id)).toEqual([]);
    });

    promise('rejects a missing program the same way when output is recorded', async (bench) => {
      const spec = bench.spec({ argv: ['/no/such/program'], streams: 'logs' });
      await expect(bench.engine.start(spec)).rejects.toMatchObject({ code: 'INSTANCE_START_FAILED' });
      expect(await bench.engine.inspect(spec.id)).toBeUndefined();
      expect(await bench.leftoversOf(spec.id)).toEqual([]);
    });

    promise('starts nothing for a caller who has given up', async (bench) => {
      const spec = bench.spec({ argv: program('stubborn') });
      await expect(bench.engine.start(spec, AbortSignal.abort())).rejects.toBeInstanceOf(Error);
      expect(await bench.leftoversOf(spec.id)).toEqual([]);
    });

    promise('runs 8 at once, each with its own output', async (bench) => {
      const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
      const all = await Promise.all(names.map((name) => bench.run({ argv: program('print', name, `${name}!`) })));
      expect(all.map(({ stdout }) => stdout.toString())).toEqual(names);
      expect(all.map(({ stderr }) => stderr.toString())).toEqual(names.map((name) => `${name}!`));
    });

    promise('leaves nothing of an instance that ended, when its streams were pipes', async (bench) => {
      const instance = await bench.start({ argv: program('exit', '0') });
      await instance.exited;
      await bench.engine.remove(instance.handle.id);
      expect(await bench.leftoversOf(instance.handle.id)).toEqual([]);
    });
  });

  describe('what it finds', () => {
    promise('its environment, as given', async (bench) => {
      const value = 'a "quoted"\nsecond line, ünïcödé $HOME \\';
      const { stdout } = await bench.run({
        argv: program('variable', 'GREETING'),
        env: { PATH: '/bin:/usr/bin', GREETING: value },
      });
      expect(stdout.toString()).toBe(value);
    });

    promise('user, group, folder and host name', async (bench) => {
      const hostname = shortId(newId());
      const { stdout } = await bench.run({ argv: program('who'), user: '1000:1001', workdir: '/bin', hostname });
      expect(stdout.toString()).toBe(`1000\n1001\n/bin\n${hostname}\n`);
    });
  });

  describe('stopping', () => {
    promise('asks first: an instance that handles SIGTERM gives its own exit code', async (bench) => {
      const instance = await bench.start({ argv: program('graceful') });
      await waitForText(instance.stdout, 'ready');
      await bench.engine.stop(instance.handle.id, 30_000);
      const { stdout, exit } = await readToEnd(instance);
      expect(exit).toMatchObject({ code: 7, cause: 'stopped' });
      expect(stdout.toString()).toContain('bye');
    });

    promise('kills what ignores SIGTERM once the grace is over', async (bench) => {
      const instance = await bench.start({ argv: program('stubborn') });
      await waitForText(instance.stdout, 'ready');
      await bench.engine.stop(instance.handle.id, 100);
      expect(await instance.exited).toMatchObject({ code: 137, cause: 'stopped' });
      expect(await bench.leftoversOf(instance.handle.id)).toEqual([]);
    });

    promise('kills at once without a grace', async (bench) => {
      const instance = await bench.start({ argv: program('graceful') });
      await waitForText(instance.stdout, 'ready');
      await bench.engine.stop(instance.handle.id, 0);
      expect(await instance.exited).toMatchObject({ code: 137, cause: 'stopped' });
    });

    promise('is idempotent: twice at once, after the end, and for an id nobody knows', async (bench) => {
      const instance = await bench.start({ argv: program('stubborn'), streams: 'logs' });
      const { id } = instance.handle;
      await Promise.all([bench.engine.stop(id, 0), bench.engine.stop(id, 0)]);
      const exit = await instance.exited;
      await bench.engine.stop(id, 0);
      expect(await bench.engine.inspect(id)).toEqual({ state: 'ended', exit });
      await expect(bench.engine.stop(newId(), 0)).resolves.toBeUndefined();
    });

    promise('gives 128 + n for signal n', async (bench) => {
      const instance = await bench.start({ argv: program('stubborn') });
      await waitForText(instance.stdout, 'ready');
      await bench.engine.kill(instance.handle.id, 9);
      expect(await instance.exited).toMatchObject({ code: 137 });
    });

    promise('delivers a signal that the instance handles', async (bench) => {
      const instance = await bench.start({ argv: program('graceful'), streams: 'logs' });
      await waitForLog(bench.engine, instance.handle.id, 'ready');
      await bench.engine.kill(instance.handle.id, 15);
      expect(await instance.exited).toMatchObject({ code: 7 });
    });

    promise('resolves `exited`, never rejects it, when the engine is purged', async (bench) => {
      const kept = await bench.start({ argv: program('stubborn'), streams: 'logs' });
      const held = await bench.start({ argv: program('stubborn') });
      await bench.engine.close({ purge: true });
      expect(await Promise.all([kept.exited, held.exited])).toMatchObject([{ code: 137 }, { code: 137 }]);
    });
  });

  describe('inspecting and removing', () => {
    promise('says running with a pid, then ended with the exit', async (bench) => {
      const instance = await bench.start({ argv: program('dialogue'), streams: 'logs', stdin: 'open' });
      const { id } = instance.handle;
      expect(await bench.engine.inspect(id)).toMatchObject({ state: 'running', pid: expect.any(Number) });
      instance.stdin?.end('go\n');
      const exit = await instance.exited;
      expect(await bench.engine.inspect(id)).toEqual({ state: 'ended', exit });
    });

    promise('forgets on remove, twice over', async (bench) => {
      const instance = await bench.start({ argv: program('print', 'out', 'err'), streams: 'logs' });
      const { id } = instance.handle;
      await instance.exited;
      expect((await logged(bench.engine, id, 'stdout')).toString()).toBe('out');
      expect(await bench.engine.ended()).toEqual([id]);
      await bench.engine.remove(id);
      await bench.engine.remove(id);
      expect(await bench.engine.ended()).toEqual([]);
      expect(await bench.engine.inspect(id)).toBeUndefined();
      expect(await bench.leftoversOf(id)).toEqual([]);
    });
  });
}
