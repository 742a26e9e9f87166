import { fileURLToPath } from 'node:url';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstanceRow, RunRequest } from '../../src/api/types.ts';
import type { Run } from '../../src/model/run.ts';
import { createRuns, type Runs } from '../../src/sdk/runs.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { descriptorCount, lastNumberIn, numbers, numbersIn, viewOf, type HostView } from './restart-host.ts';

const appFile = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const kill = 'SIGKILL';
/** For what is looked for until it is so: often, and long enough for a machine that is busy with something else. */
const patiently = { interval: 5, timeout: 30_000 };

async function start(daemon: TestDaemon, request: RunRequest): Promise<Run> {
  return (await daemon.api.json<{ run: Run }>('runs', { json: request })).run;
}

async function instancesOf(daemon: TestDaemon): Promise<Record<string, InstanceRow>> {
  const { instances } = await daemon.api.json<{ instances: InstanceRow[] }>('instances');
  return Object.fromEntries(instances.map((row) => [row.name, row]));
}

/** The run once its process has been started. */
async function begun(runs: Runs, id: string): Promise<Run & { readonly instance: string }> {
  let run = await runs.get(id);
  await expect
    .poll(async () => (run = await runs.get(id)), patiently)
    .toMatchObject({ state: expect.not.stringMatching(/queued|starting/), instance: expect.any(String) });
  return run as Run & { readonly instance: string };
}

describe('the voting example', () => {
  const app = 'voting';
  let daemon: TestDaemon;
  let view: HostView;
  let runs: Runs;
  beforeAll(async () => {
    daemon = await startDaemon();
    view = viewOf(daemon.dataFolder);
    runs = createRuns(daemon.api);
    await daemon.up(appFile('../examples/voting/compose.yaml'));
  });
  afterAll(async () => {
    expect(await daemon.purge(), 'left on the host').toEqual([]);
  });

  const vote = async (voter: string, choice: 'a' | 'b'): Promise<void> => {
    const body = new URLSearchParams({ vote: choice });
    const answer = await fetch(`${daemon.gateway}/vote`, {
      method: 'POST',
      headers: { cookie: `voter_id=${voter}` },
      body,
    });
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('container')]);
    const all = await runs.list({ app, function: 'record-vote' });
    await Promise.all(all.filter(({ args }) => args[0] === voter).map(async ({ id }) => await runs.wait(id)));
  };

  const votes = async (): Promise<unknown> => await (await fetch(`${daemon.gateway}/result/votes`)).json();

  it('CO-6 keeps its database, the connections to it and its data through kill -9 and SIGTERM, three times over', async () => {
    const ask = 'i=0; while i=$((i + 1)); do echo "select $i;"; sleep 0.02; done | exec psql -X -A -t';
    const session = await start(daemon, {
      app,
      target: { function: 'record-vote' },
      options: { entrypoint: ['/bin/sh', '-c', ask], stopGraceMs: 100 },
    });
    const { instance: client } = await begun(runs, session.id);
    await view.untilWritten(client, (text) => numbersIn(text).length >= 3);
    const before = (await instancesOf(daemon))['db'];
    const process = view.firstProcess(before?.id ?? '');
    for (const [index, signal] of ([kill, 'SIGTERM', kill, 'SIGTERM', kill, 'SIGTERM'] as const).entries()) {
      await vote(`voter-${index}`, index % 2 === 0 ? 'a' : 'b');
      await daemon.end(signal);
      const answered = numbersIn(await view.output(client)).length;
      await view.untilWritten(client, (text) => numbersIn(text).length > answered + 3);
      await daemon.restart();
      expect((await instancesOf(daemon))['db']).toEqual(before);
      expect(view.firstProcess(before?.id ?? '')).toEqual(process);
      const after = numbersIn(await view.output(client)).length;
      await view.untilWritten(client, (text) => numbersIn(text).length > after + 3);
      const cast = index + 1;
      expect(await votes()).toMatchObject({ a: Math.ceil(cast / 2), b: Math.floor(cast / 2) });
    }
    const asked = numbersIn(await view.output(client));
    expect(asked).toEqual(asked.map((_, index) => index + 1));
    await runs.cancel(session.id);
    expect(view.living()).toEqual({ lasting: [before?.id], brief: [], containers: [before?.id] });
  });

  it('comes back with its data after a shutdown that keeps it', async () => {
    const before = (await instancesOf(daemon))['db'];
    const gone = daemon.gone();
    expect(await daemon.cli(['shutdown'])).toMatchObject({ code: 0 });
    await gone;
    expect(view.living()).toEqual({ lasting: [], brief: [], containers: [] });
    await daemon.restart();
    const after = (await instancesOf(daemon))['db'];
    expect(after).toMatchObject({ state: 'running', id: expect.not.stringContaining(before?.id ?? '') });
    expect(await votes()).toMatchObject({ a: 3, b: 3 });
  });
});

describe('a daemon that dies', () => {
  const app = 'steady';
  let daemon: TestDaemon;
  let view: HostView;
  let runs: Runs;
  beforeAll(async () => {
    daemon = await startDaemon();
    view = viewOf(daemon.dataFolder);
    runs = createRuns(daemon.api);
    await daemon.up(appFile('fixtures/apps/steady/compose.yaml'));
  });
  afterAll(async () => {
    expect(await daemon.purge(), 'left on the host').toEqual([]);
  });

  const count = async (args: readonly (string | number)[]): Promise<Run> =>
    await start(daemon, { app, target: { function: 'count' }, args: args.map(String) });
  /** Lets runs end that count until there is this file. */
  const release = (file: string): void => writeFileSync(join(daemon.dataFolder, 'volumes/steady_numbers', file), '');
  const page = async (query = ''): Promise<string> => {
    const answer = await fetch(`${daemon.gateway}/page${query === '' ? '' : `?${query}`}`);
    return `${answer.status} ${await answer.text()}`;
  };
  const services = async (): Promise<{ counter: string; teller: string }> => {
    const { counter, teller } = await instancesOf(daemon);
    return { counter: counter?.id ?? '', teller: teller?.id ?? '' };
  };
  /** Resolves when the teller has heard a few more numbers than now. */
  const stillTelling = async (teller: string): Promise<void> => {
    const heard = lastNumberIn(await view.output(teller));
    await view.untilWritten(teller, (text) => lastNumberIn(text) > heard + 5);
  };

  const onlyServicesLive = async (): Promise<void> => {
    const { counter, teller } = await services();
    const both = [counter, teller].toSorted();
    await expect.poll(() => view.living(), patiently).toEqual({ lasting: both, brief: [], containers: both });
    const kept = (await runs.list({ app, limit: 1000 })).flatMap(({ instance }) => instance ?? []);
    expect(view.recorded()).toEqual([...both, ...kept].toSorted());
  };

  it('leaves connections between services open, and no line of them is lost', async () => {
    const before = await services();
    for (const signal of [kill, 'SIGTERM', kill] as const) {
      await stillTelling(before.teller);
      await daemon.end(signal);
      await stillTelling(before.teller);
      await daemon.restart();
      expect(await services()).toEqual(before);
      expect(await page()).toBe('200 page \n');
    }
    await stillTelling(before.teller);
    const heard = await view.output(before.teller);
    expect(numbersIn(heard)).toEqual(numbersIn(heard).map((_, index) => index + 1));
    expect(heard).not.toContain('broken');
    const counted = await view.output(before.counter);
    expect(counted.match(/^connection/gm)).toHaveLength(1);
    expect(numbersIn(counted)).toEqual(numbersIn(counted).map((_, index) => index + 1));
  });

  it('leaves runs alive: stdout is whole and the exit code right, also of one that ended meanwhile', async () => {
    const [long, short] = [await count([1, 10, 0.005, 7, 'end-long']), await count([1, 10, 0.005, 3, 'end-short'])];
    const queued = await count([1, 5]);
    const [one, other] = [await begun(runs, long.id), await begun(runs, short.id)];
    expect(await runs.get(queued.id)).toMatchObject({ state: 'queued' });
    const process = view.firstProcess(one.instance);
    await daemon.end(kill);
    release('end-short');
    await expect.poll(() => view.firstProcess(other.instance), patiently).toBeUndefined();
    await daemon.restart();
    expect(view.firstProcess(one.instance)).toEqual(process);
    release('end-long');
    for (const [{ id }, { instance }, exitCode] of [
      [short, other, 3],
      [long, one, 7],
    ] as const) {
      expect(await runs.wait(id)).toMatchObject({ state: 'failed', exitCode, attempts: 1, instance });
      const printed = (await runs.result(id)).toString();
      expect(printed).toBe(numbers(1, numbersIn(printed).length));
    }
    expect(await runs.wait(queued.id)).toMatchObject({ state: 'succeeded', attempts: 1 });
    expect((await runs.result(queued.id)).toString()).toBe(numbers(1, 5));
  });

  it('takes the container of a request with it', async () => {
    const answer = page('30').catch(() => 'cut off');
    const [request] = await expect
      .poll(() => view.living().brief, patiently)
      .toHaveLength(1)
      .then(() => view.living().brief);
    await expect.poll(() => view.firstProcess(request ?? ''), patiently).toBeDefined();
    const process = view.firstProcess(request ?? '');
    await daemon.end(kill);
    expect(await answer).toBe('cut off');
    await daemon.restart();
    await onlyServicesLive();
    expect(() => readFileSync(`/proc/${process?.pid}/stat`)).toThrow('ENOENT');
  });

  it('leaves a long run the way back: its door opens again', async () => {
    const run = await start(daemon, { app, target: { function: 'caller' } });
    const { instance } = await begun(runs, run.id);
    await view.untilWritten(instance, (text) => text.includes('open'));
    await daemon.end(kill);
    await view.untilWritten(instance, (text) => text.includes('shut'));
    await daemon.restart();
    expect(await runs.wait(run.id)).toMatchObject({ state: 'succeeded', instance });
    expect((await runs.result(run.id)).toString()).toMatch(
      /^open "1\\n2\\n3\\n"\nshut ".*"\n(?:shut ".*"\n)*open "1\\n2\\n3\\n"\n$/,
    );
  });

  it('leaks nothing when it is killed ten times with requests and runs under way', async () => {
    const { teller } = await services();
    const submitted: string[] = [];
    for (let life = 1; life <= 10; life += 1) {
      const requests = ['', '5', '', '0.1', ''].map(async (query) => await page(query).catch(() => 'cut off'));
      submitted.push((await count([1, 20, 0.005, 4])).id);
      await requests[(life % 3) * 2];
      await daemon.end(kill);
      await Promise.all(requests);
      await daemon.restart();
    }
    for (const id of submitted) {
      expect(await runs.wait(id)).toMatchObject({ state: 'failed', exitCode: 4 });
      expect((await runs.result(id)).toString()).toBe(numbers(1, 20));
    }
    await onlyServicesLive();
    await stillTelling(teller);
  }, 180_000);

  it('starts another starter when that is killed; runs under way are settled by their own ends', async () => {
    const { teller } = await services();
    const earlier = daemon.log().length;
    const logSince = (): string => daemon.log().slice(earlier);
    const losses = (): number => logSince().split('"The starter ended; ').length - 1;
    for (let turn = 1; turn <= 3; turn += 1) {
      const starter = view.helper('starter');
      const run = await begun(runs, (await count([1, 40, 0.005, 7])).id);
      const underWay = await Promise.all(Array.from({ length: 4 }, async () => await count([1, 20, 0.005])));
      const requests = Array.from({ length: 4 }, async () => await page('0.05').catch(() => 'cut off'));
      await Promise.race(requests);
      process.kill(starter?.pid ?? 0, kill);
      for (const answer of await Promise.all(requests)) expect(answer).toMatch(/^(?:200 page|50[23] |cut off)/);
      // Until the daemon has noticed, a request may still go to the dead one, and is told to come again.
      await expect.poll(losses, patiently).toBeGreaterThanOrEqual(turn);
      expect(losses()).toBe(turn);
      expect(await page()).toBe('200 page \n');
      expect(view.helper('starter')).not.toEqual(starter);
      expect(await runs.wait(run.id)).toMatchObject({ state: 'failed', exitCode: 7, instance: run.instance });
      expect((await runs.result(run.id)).toString()).toBe(numbers(1, 40));
      for (const { id } of underWay) {
        expect(await runs.wait(id)).toMatchObject({ state: 'succeeded' });
        expect((await runs.result(id)).toString()).toBe(numbers(1, 20));
      }
      await stillTelling(teller);
    }
    await onlyServicesLive();
  });

  it('starts another log writer when that is killed: lines wait for it, and exit codes are right', async () => {
    const { teller } = await services();
    const killed = async (): Promise<void> => {
      const writer = view.helper('log-writer');
      process.kill(writer?.pid ?? 0, kill);
      await expect.poll(() => view.helper('log-writer'), patiently).not.toEqual(writer);
      await expect.poll(() => view.helper('log-writer'), patiently).toBeDefined();
    };
    const run = await begun(runs, (await count([1, 2000, 0.001, 7])).id);
    await killed();
    await killed();
    // Whoever told of its end is gone too: the daemon must see for itself, and so must the next one.
    process.kill(view.helper('starter')?.pid ?? 0, kill);
    await killed();
    await daemon.end(kill);
    await daemon.restart();
    await killed();
    expect(await runs.wait((await count([1, 20, '', 5])).id)).toMatchObject({ state: 'failed', exitCode: 5 });
    await stillTelling(teller);
    expect(await runs.wait(run.id)).toMatchObject({ state: 'failed', exitCode: 7, instance: run.instance });
    const printed = numbersIn((await runs.result(run.id)).toString());
    // A writer that is killed between reading and writing costs what it had read: a gap, never a line twice or out of turn.
    expect(printed).toEqual([...new Set(printed)].toSorted((a, b) => a - b));
    expect(printed.at(-1)).toBe(2000);
  });

  it('does not gather descriptors, nor do its helpers', async () => {
    const work = async (turns: number): Promise<void> => {
      const worker = async (): Promise<void> => {
        for (let turn = 0; turn < turns; turn += 1) {
          expect(await page()).toBe('200 page \n');
          expect(await runs.wait((await count([1, 2])).id)).toMatchObject({ state: 'succeeded' });
        }
      };
      await Promise.all(Array.from({ length: 8 }, worker));
    };
    const open = (): number[] =>
      [daemon.pid, view.helper('starter')?.pid ?? 0, view.helper('log-writer')?.pid ?? 0].map(descriptorCount);
    await work(5);
    const before = open();
    await work(25);
    // Our own connections are kept for a while, and where a burst was larger than any before there is one more batch of slots
    // (16 at most, each with two descriptors). 200 requests and 200 runs that left one each would show.
    for (const [index, after] of open().entries()) expect(after - (before[index] ?? 0)).toBeLessThanOrEqual(8 + 2 * 16);
  });
});
