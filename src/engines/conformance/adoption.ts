import { existsSync, watch } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { Instance } from '../engine.ts';
import { declarePromises, logged, waitForLog, waitForText, type Bench } from './bench.ts';
import { program } from './programs.ts';
import type { EngineSubject } from './subject.ts';

/** The daemon dies and comes back. */
export function declareAdoption(subject: EngineSubject): void {
  const promise = declarePromises(subject);

  describe('after a crash of the daemon', () => {
    promise('finds nothing where nothing ran', async (bench) => {
      expect(await bench.reopen()).toEqual([]);
    });

    promise('adopts an instance: same id, same process, same output', async (bench) => {
      const before = await startOutlive(bench);
      const { id } = before.handle;
      const status = await bench.engine.inspect(id);
      const after = only(await bench.reopen());
      expect(after.handle).toEqual(before.handle);
      expect(after.spec).toEqual(before.spec);
      expect(after.startedAt).toBe(before.startedAt);
      expect(await bench.engine.inspect(id)).toEqual(status);
      await writeFile(join(bench.sharedFolder, 'go'), '');
      expect(await after.exited).toMatchObject({ code: 5, cause: 'exited' });
      expect((await logged(bench.engine, id, 'stdout')).toString()).toBe('before\nafter\n');
    });

    promise('has exit code and output of an instance that ended in between', async (bench) => {
      const { id } = (await startOutlive(bench)).handle;
      const after = only(await bench.reopen(() => letItEnd(bench)));
      expect(after.handle.id).toBe(id);
      expect(await after.exited).toMatchObject({ code: 5, cause: 'exited' });
      expect((await logged(bench.engine, id, 'stdout')).toString()).toBe('before\nafter\n');
      expect((await logged(bench.engine, id, 'stderr')).toString()).toBe('aside\n');
      expect(await bench.engine.inspect(id)).toMatchObject({ state: 'ended', exit: { code: 5 } });
    });

    promise('adopts again after a second crash, and stops what it adopted', async (bench) => {
      const { id } = (await startOutlive(bench)).handle;
      await bench.reopen();
      const after = only(await bench.reopen());
      expect(after.handle.id).toBe(id);
      await bench.engine.stop(id, 0);
      expect(await after.exited).toMatchObject({ code: 137, cause: 'stopped' });
    });

    promise('adopts after an orderly close too', async (bench) => {
      const { id } = (await startOutlive(bench)).handle;
      await bench.engine.close({ purge: false });
      expect(only(await bench.reopen()).handle.id).toBe(id);
    });

    promise('forgets for good what was removed', async (bench) => {
      const instance = await bench.start({ argv: program('exit', '0'), streams: 'logs' });
      await instance.exited;
      await bench.engine.remove(instance.handle.id);
      expect(await bench.reopen()).toEqual([]);
      expect(await bench.leftoversOf(instance.handle.id)).toEqual([]);
    });

    promise('has removed instances whose streams were pipes', async (bench) => {
      const held = await bench.start({ argv: program('stubborn') });
      await waitForText(held.stdout, 'ready');
      expect(await bench.reopen()).toEqual([]);
      expect(await bench.engine.inspect(held.handle.id)).toBeUndefined();
      expect(await bench.leftoversOf(held.handle.id)).toEqual([]);
    });

    promise('starts new instances beside the adopted ones', async (bench) => {
      await startOutlive(bench);
      await bench.reopen();
      const { stdout } = await bench.run({ argv: program('print', 'new', '') });
      expect(stdout.toString()).toBe('new');
    });
  });
}

async function startOutlive(bench: Bench): Promise<Instance> {
  const instance = await bench.start({ argv: program('outlive'), streams: 'logs', mounts: [bench.sharedMount] });
  await waitForLog(bench.engine, instance.handle.id, 'before\n');
  return instance;
}

/** Lets `outlive` go on, and waits for the last thing it does. */
async function letItEnd({ sharedFolder }: Bench): Promise<void> {
  const seen = Promise.withResolvers<void>();
  const look = (): void => {
    if (existsSync(join(sharedFolder, 'done'))) seen.resolve();
  };
  // Watching begins with this call, unlike that of node:fs/promises, which begins when its first change is asked for.
  const watcher = watch(sharedFolder, look);
  await writeFile(join(sharedFolder, 'go'), '');
  look();
  await seen.promise;
  watcher.close();
}

function only(instances: readonly Instance[]): Instance {
  expect(instances).toHaveLength(1);
  return instances[0] as Instance;
}
