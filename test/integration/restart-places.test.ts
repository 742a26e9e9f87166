import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { Run } from '../../src/model/run.ts';
import { createRuns } from '../../src/sdk/runs.ts';
import { runCli, startDaemon, type TestDaemon } from './daemon.ts';
import { leftoversOf } from './leftovers.ts';
import { numbers, processesNaming, runtimeNameOf, simulateReboot, viewOf } from './restart-host.ts';

const appFile = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/apps/${name}/compose.yaml`, import.meta.url));

/** For what is looked for until it is so: often, and long enough for a machine that is busy with something else. */
const patiently = { interval: 5, timeout: 30_000 };
const started: TestDaemon[] = [];
afterEach(async () => {
  for (const daemon of started.splice(0)) expect(await daemon.purge(), 'left on the host').toEqual([]);
});

async function begin(options?: Parameters<typeof startDaemon>[0]): Promise<TestDaemon> {
  const daemon = await startDaemon(options);
  started.push(daemon);
  return daemon;
}

async function submit(daemon: TestDaemon, app: string, name: string, args: readonly string[] = []): Promise<Run> {
  const json = { app, target: { function: name }, args };
  return (await daemon.api.json<{ run: Run }>('runs', { json })).run;
}

/** A service and a request, and perhaps a run (which gets ten seconds), none of which ends when it is asked to. */
async function stubborn(daemon: TestDaemon, { hasRun = false } = {}): Promise<{ readonly answer: Promise<unknown> }> {
  const view = viewOf(daemon.dataFolder);
  await daemon.up(appFile('stubborn'));
  if (hasRun) await submit(daemon, 'stubborn', 'run');
  const answer = fetch(`${daemon.gateway}/stubborn`).catch(() => 'cut off');
  await expect.poll(() => view.living().containers, patiently).toHaveLength(hasRun ? 3 : 2);
  for (const id of view.living().lasting) await view.untilWritten(id, (text) => text === 'up\n');
  return { answer };
}

/** What still tells of a daemon: its folder, what carries its name, processes that name either. */
const tracesOf = ({ dataFolder }: TestDaemon): unknown[] => [
  existsSync(dataFolder),
  ...leftoversOf(dataFolder),
  ...processesNaming(dataFolder),
  ...processesNaming(runtimeNameOf(dataFolder)),
];

describe('shutdown --purge', () => {
  it('CO-6 leaves nothing of what runs, even of containers that ignore SIGTERM', async () => {
    const daemon = await begin();
    const { answer } = await stubborn(daemon);
    const gone = daemon.gone();
    expect(await daemon.cli(['shutdown', '--purge'])).toMatchObject({ code: 0 });
    await Promise.all([gone, answer]);
    expect(tracesOf(daemon)).toEqual([false]);
  });

  it('CO-6 leaves nothing either of what a killed daemon had left', async () => {
    const daemon = await begin();
    const { answer } = await stubborn(daemon, { hasRun: true });
    await daemon.end('SIGKILL');
    await answer;
    await daemon.restart();
    const gone = daemon.gone();
    expect(await daemon.cli(['shutdown', '--purge'])).toMatchObject({ code: 0 });
    await gone;
    expect(tracesOf(daemon)).toEqual([false]);
  });
});

it('keeps what Node has compiled as soon as it answers, so that no life after kill -9 compiles it again', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'minke-cache-'));
  try {
    const daemon = await begin({ environment: { NODE_COMPILE_CACHE: cache } });
    const modules = readdirSync(new URL('../../src/daemon', import.meta.url), { recursive: true });
    const kept = (): number => readdirSync(cache, { recursive: true }).length;
    await expect.poll(kept, patiently).toBeGreaterThan(modules.length);
    await daemon.end('SIGKILL');
    expect(kept()).toBeGreaterThan(modules.length);
    await daemon.restart();
  } finally {
    rmSync(cache, { recursive: true });
  }
});

describe('a data folder', () => {
  it('has one daemon: another is refused, and the first goes on', async () => {
    const daemon = await begin();
    const second = await runCli(daemon.dataFolder, ['serve', '--gateway', '127.0.0.1:0'], {});
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('runs already') });
    expect(second.stderr).toContain(String(daemon.pid));
    expect(await daemon.cli(['status'])).toMatchObject({ code: 0 });
  });

  it('may have a name too long for a socket: the link in it leads to the daemon', async () => {
    const daemon = await begin({ folderName: join('a'.repeat(60), 'b'.repeat(60)) });
    expect(await daemon.cli(['status'])).toMatchObject({ code: 0, stdout: expect.stringContaining(daemon.dataFolder) });
    await daemon.up(appFile('steady'));
    await daemon.end('SIGKILL');
    await daemon.restart();
    const ran = await daemon.cli(['run', 'count', '1', '3'], { cwd: join(appFile('steady'), '..') });
    expect(ran).toMatchObject({ code: 0, stdout: numbers(1, 3) });
  });

  it('that cannot be written is refused with the reason', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'minke-test-'));
    const file = join(folder, 'file');
    writeFileSync(file, '');
    for (const [place, reason] of [
      [join(file, 'data'), 'ENOTDIR'],
      [file, 'ENOTDIR'],
      ['/proc/minke', 'ENOENT'],
      ['/sys/kernel', 'EACCES'],
    ] as const) {
      const refused = await runCli(place, ['serve', '--gateway', '127.0.0.1:0'], {});
      expect(refused.stderr).toContain(`Cannot use the data folder ${place}`);
      expect(refused.stderr).toContain(reason);
      expect(refused.code).toBe(1);
      expect(leftoversOf(place)).toEqual([]);
    }
    rmSync(folder, { recursive: true });
  });

  it.each(['and its run folder is stale', 'and its run folder is gone'])(
    'is taken up after a reboot of the host: %s',
    async (how) => {
      const daemon = await begin();
      const view = viewOf(daemon.dataFolder);
      const runs = createRuns(daemon.api);
      await daemon.up(appFile('steady'));
      const run = await submit(daemon, 'steady', 'count', ['1', '200', '0.005', '3']);
      await expect.poll(async () => (await runs.get(run.id)).state, patiently).toBe('running');
      const before = view.living().containers;
      await daemon.end('SIGKILL');
      await simulateReboot(daemon.dataFolder, { keepsRunFolder: how.endsWith('stale') });
      await daemon.restart();
      expect(await runs.wait(run.id)).toMatchObject({ state: 'failed', exitCode: 3, attempts: 1 });
      expect((await runs.result(run.id)).toString()).toBe(numbers(1, 200));
      const answer = await fetch(`${daemon.gateway}/page`);
      expect([answer.status, await answer.text()]).toEqual([200, 'page \n']);
      await expect
        .poll(() => view.living(), patiently)
        .toMatchObject({ lasting: { length: 2 }, containers: { length: 2 } });
      const after = view.living().containers;
      expect(after.filter((id) => before.includes(id))).toEqual([]);
      const { instances } = await daemon.api.json<{ instances: { id: string; name: string }[] }>('instances');
      const teller = instances.find(({ name }) => name === 'teller')?.id ?? '';
      await view.untilWritten(teller, (text) => text.includes('\n10\n'));
    },
  );
});
