import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMinke, type Minke } from '../../src/sdk/minke.ts';
import type { Run } from '../../src/sdk/types.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { loadBusybox } from './door-images.ts';
import { fixtureApp } from './isolation-fixtures.ts';

let daemon: TestDaemon;
let minke: Minke;
beforeAll(async () => {
  daemon = await startDaemon();
  await loadBusybox(daemon, ['busybox']);
  await daemon.up(fixtureApp('runs'));
  minke = createMinke(daemon.api, 'runs');
});
afterAll(async () => expect(await daemon.purge(), 'left on the host').toEqual([]));

const submit = async (script: string): Promise<string> =>
  (await minke.run('flaky', ['-c', script], { detach: true })).id;
const written = async (id: string, attempt: number): Promise<string> => {
  const chunks = [];
  for await (const { data } of minke.runs.logs(id, { attempt })) chunks.push(data);
  return Buffer.concat(chunks).toString();
};
const failures = ({ failures: all = [] }: Run): unknown[] => all.map(({ attempt, exitCode }) => [attempt, exitCode]);

describe('a task whose app file has it tried again', () => {
  it('DR-16 succeeds at its third attempt; what each wrote can be read, also by the next daemon', async () => {
    const id = await submit(
      'echo "try $MINKE_ATTEMPT of $MINKE_RUN"; [ "$MINKE_ATTEMPT" = 3 ] || exit "$MINKE_ATTEMPT"',
    );
    const run = await minke.runs.wait(id);
    expect(run).toMatchObject({ state: 'succeeded', attempts: 3, exitCode: 0 });
    expect(failures(run)).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect((await minke.runs.result(id)).toString()).toBe(`try 3 of ${id}\n`);
    await daemon.end('SIGKILL');
    await daemon.restart();
    for (const attempt of [1, 2, 3]) expect(await written(id, attempt)).toBe(`try ${attempt} of ${id}\n`);
    const shown = await daemon.cli(['runs', 'show', id]);
    expect(shown.stdout).toMatch(/^attempts +3 of 3$/m);
    expect(shown.stdout).toMatch(/^attempt 2 .*"flaky" ended with exit code 2$/m);
    expect((await daemon.cli(['runs', 'logs', '--attempt', '2', id])).stdout).toBe(`try 2 of ${id}\n`);
  });

  it('DR-16 goes on where it was when the daemon is killed between two attempts', async () => {
    const { run } = await daemon.api.json<{ run: Run }>('runs', {
      json: {
        app: 'runs',
        target: { function: 'flaky' },
        args: ['-c', '[ "$MINKE_ATTEMPT" = 2 ]'],
        retries: { max: 1, firstMs: 3000, longestMs: 3000 },
      },
    });
    await expect.poll(async () => failures(await minke.runs.get(run.id))).toEqual([[1, 1]]);
    await daemon.end('SIGKILL');
    await daemon.restart();
    const settled = await minke.runs.wait(run.id);
    expect(settled).toMatchObject({ state: 'succeeded', attempts: 2 });
    expect(failures(settled)).toEqual([[1, 1]]);
  });

  it('DR-16 is dead when its attempts are used up, and is done once more or removed by hand; the sums agree', async () => {
    const id = await submit('cat /tmp/no-such-file; exit 7');
    const run = await minke.runs.wait(id);
    expect(run).toMatchObject({ state: 'dead', attempts: 3, exitCode: 7, error: { code: 'RUN_FAILED' } });
    expect(await daemon.cli(['runs', 'wait', id])).toMatchObject({ code: 7, stdout: 'dead\n' });
    expect((await daemon.cli(['dead', 'ls'])).stdout).toMatch(
      new RegExp(`^${id.slice(0, 12)} +runs +flaky +dead +7 `, 'm'),
    );
    const redriven = await daemon.cli(['dead', 'redrive', '--all', '--function', 'flaky']);
    expect(redriven).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[0-9a-f]{64}\n$/) });
    const again = redriven.stdout.trim();
    expect(await minke.runs.wait(again)).toMatchObject({ state: 'dead', retryOf: id });
    expect((await daemon.cli(['runs', 'retry', id])).stdout).toBe(redriven.stdout);
    expect(await daemon.cli(['dead', 'purge', id, again])).toMatchObject({ code: 0, stdout: `${id}\n${again}\n` });
    expect((await daemon.cli(['dead', 'ls'])).stdout.trim().split('\n')).toHaveLength(1);
    const { accepted, ...places } = await minke.runs.ledger();
    expect(places).toMatchObject({ waiting: 0, inFlight: 0, dead: 0, removed: 2 });
    expect(Object.values(places).reduce((sum, count) => sum + count, 0)).toBe(accepted);
  });

  it('says what is missing when neither all nor some dead runs are named', async () => {
    expect(await daemon.cli(['dead', 'purge'])).toMatchObject({
      code: 2,
      stderr: 'minke: RUN is missing\nhint: Name the runs, or write --all.\n',
    });
  });
});

it('DR-16 a run that is asked for later begins then', async () => {
  const before = Date.now();
  const { stdout } = await daemon.cli(['run', '-d', '--delay', '2s', '--app', 'runs', 'flaky', '-c', 'true']);
  const id = stdout.trim();
  expect(await minke.runs.get(id)).toMatchObject({ state: 'queued', attempts: 0 });
  const { startedAt = 0, state } = await minke.runs.wait(id);
  expect(state).toBe('succeeded');
  expect(startedAt - before).toBeGreaterThanOrEqual(2000);
});
