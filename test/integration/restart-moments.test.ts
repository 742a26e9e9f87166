import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placesFor, type Places } from '../../src/engines/sandbox/places.ts';
import { createRuns } from '../../src/sdk/runs.ts';
import type { Run } from '../../src/model/run.ts';
import { readPidFile } from '../../src/linux/proc.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { fixtureApp } from './isolation-fixtures.ts';
import { numbers, numbersIn, viewOf, type HostView } from './restart-host.ts';

/** A moment is over soon: looked for often. */
const closely = { interval: 1, timeout: 30_000 };

describe('a daemon that is killed at the worst of moments', () => {
  const app = 'steady';
  let daemon: TestDaemon;
  let view: HostView;
  beforeAll(async () => {
    daemon = await startDaemon();
    view = viewOf(daemon.dataFolder);
  });
  afterAll(async () => expect(await daemon.purge(), 'left on the host').toEqual([]));

  const places = (): Places => placesFor(daemon.dataFolder);
  const inside = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);
  const slots = (): string[] => inside(join(places().net, app)).filter((entry) => entry.startsWith('slot-'));
  const folders = (): string[] => inside(places().live);

  /** Kills it when it is so; what was under way then is cut off, or had just been done. */
  const killedWhen = async (isSo: () => boolean, underWay: Promise<unknown>): Promise<void> => {
    const outcome = underWay.then(
      () => 'done',
      () => 'cut off',
    );
    await expect.poll(isSo, closely).toBe(true);
    await daemon.end('SIGKILL');
    await outcome;
  };
  const page = async (query = ''): Promise<string> => await (await fetch(`${daemon.gateway}/page?${query}`)).text();
  const goesDown = async (): Promise<void> => {
    const { code, stderr } = await daemon.cli(['down', app]);
    if (code !== 0) expect(stderr).toContain(`"${app}"`);
    expect(view.living()).toEqual({ lasting: [], brief: [], containers: [] });
    expect(slots()).toEqual([]);
  };

  const worksAndHasNothingElse = async (): Promise<void> => {
    await daemon.up(fixtureApp('steady'));
    expect(await page()).toBe('page \n');
    const { instances } = await daemon.api.json<{ instances: { id: string; name: string }[] }>('instances');
    expect(instances.map(({ name }) => name).toSorted()).toEqual(['counter', 'teller']);
    const ids = instances.map(({ id }) => id).toSorted();
    await expect.poll(() => view.living(), closely).toEqual({ lasting: ids, brief: [], containers: ids });
    const teller = instances.find(({ name }) => name === 'teller')?.id ?? '';
    await view.untilWritten(teller, (text) => numbersIn(text).length > 5);
  };

  it.each<[string, () => boolean]>([
    ['the first place of its network is being made', () => slots().length > 0],
    ['the first instance is being prepared', () => folders().length > 0],
    ['the first container is there', () => view.living().containers.length > 0],
  ])(
    'during up, when %s: the next life brings the app up whole',
    async (_, isSo) => {
      await killedWhen(isSo, daemon.up(fixtureApp('steady')));
      await daemon.restart();
      await worksAndHasNothingElse();
      await goesDown();
      expect(folders()).toEqual([]);
    },
    120_000,
  );

  it.each<[string, (before: number) => boolean]>([
    ['the first of its containers has ended', (before) => view.living().containers.length < before],
    ['nothing of it lives any more', () => folders().length === 0],
    ['its network is being removed', () => slots().length === 0],
  ])(
    'during down, when %s: down once more leaves nothing',
    async (_, isSo) => {
      await daemon.up(fixtureApp('steady'));
      const before = view.living().containers.length;
      await killedWhen(() => isSo(before), daemon.cli(['down', app]));
      await daemon.restart();
      await goesDown();
      expect(folders()).toEqual([]);
    },
    120_000,
  );

  it.each<[string, (of: Life) => boolean]>([
    ['it has just begun', ({ pid }) => readPidFile(join(places().run, 'daemon.pid'))?.pid === pid],
    ['its starter is there', ({ starter }) => (view.helper('starter')?.pid ?? starter) !== starter],
    ['it has taken up what runs', ({ log }) => daemon.log().slice(log).includes('were taken up')],
  ])(
    'during recovery, when %s: the one after it has all, exit codes too',
    async (_, isSo) => {
      await daemon.up(fixtureApp('steady'));
      const runs = createRuns(daemon.api);
      const json = { app, target: { function: 'count' }, args: ['1', '300', '0.005', '7'] };
      const { run } = await daemon.api.json<{ run: Run }>('runs', { json });
      await expect.poll(() => view.living().containers, closely).toHaveLength(3);
      const services = view.living().lasting.filter((id) => id !== run.instance);
      const requests = ['5', '5'].map(async (query) => await page(query).catch(() => 'cut off'));
      await expect.poll(() => view.living().brief, closely).toHaveLength(requests.length);
      await daemon.end('SIGKILL');
      const earlier = { starter: view.helper('starter')?.pid, log: daemon.log().length };
      const life = daemon.restart();
      await killedWhen(() => isSo({ ...earlier, pid: daemon.pid }), life);
      await Promise.all(requests);
      await daemon.restart();
      expect(await runs.wait(run.id)).toMatchObject({ state: 'failed', exitCode: 7, attempts: 1 });
      expect((await runs.result(run.id)).toString()).toBe(numbers(1, 300));
      await worksAndHasNothingElse();
      expect(services).toEqual(expect.arrayContaining(view.living().lasting));
    },
    120_000,
  );
});

/** What an earlier life left, and whose turn it is now. */
interface Life {
  readonly pid: number;
  readonly starter: number | undefined;
  /** How long the log was. */
  readonly log: number;
}
