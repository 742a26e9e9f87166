import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { shortId } from '../../src/model/ids.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { castVote, holdRequest, readResult, settledRuns, startsSince, votingFile } from './voting-app.ts';
import {
  catches,
  containerGroups,
  isAlive,
  namespaceKinds,
  namespacesOf,
  processesOf,
  residentMb,
  rolesOf,
  watchContainers,
  type HostProcess,
  type Sighting,
} from './voting-host.ts';

const crowdFile = fileURLToPath(new URL('../fixtures/apps/crowd/compose.yaml', import.meta.url));
const patience = { timeout: 60_000, interval: 20 };
// Far more than any of it takes on a machine that is not busy with something else.
vi.setConfig({ testTimeout: 180_000 });

let daemon: TestDaemon;
let elsewhere: string;

beforeAll(async () => {
  elsewhere = mkdtempSync(join(tmpdir(), 'minke-elsewhere-'));
  await warmCompileCache();
  daemon = await startDaemon();
  await daemon.up(votingFile);
});

afterAll(async () => {
  rmSync(elsewhere, { recursive: true, force: true });
  await expectGoodEnd(daemon);
});

/** As any earlier life of a daemon has done: each of its programs writes the cache at its orderly end. */
async function warmCompileCache(): Promise<void> {
  const earlier = await startDaemon();
  try {
    await vi.waitFor(() => {
      const programs = processesOf(earlier.dataFolder).filter(({ command }) => /starter|writer/.test(command));
      expect(programs.map(({ pid }) => catches(pid, 15))).toEqual([true, true]);
    }, patience);
  } finally {
    await expectGoodEnd(earlier);
  }
}

/** What was seen of it before its end is looked for as well: not everything carries its name. */
async function expectGoodEnd(ending: TestDaemon): Promise<void> {
  const processes = processesOf(ending.dataFolder);
  const left = await ending.purge();
  const log = ending.log();
  expect({ left, alive: processes.filter(isAlive) }, `its log ends: ${log.slice(-2000)}`).toEqual({
    left: [],
    alive: [],
  });
  expect(log.split('\n').filter((line) => /"level":"error"|Warning:/.test(line))).toEqual([]);
}

/** Waits until nothing lives but what must, and answers it; what it asks is the kernel. */
async function untilAtRest({ dataFolder }: TestDaemon): Promise<readonly HostProcess[]> {
  return await vi.waitFor(() => {
    const processes = processesOf(dataFolder);
    const database = processes.find(({ container }) => container !== undefined)?.container ?? 'missing';
    expect(rolesOf(processes)).toEqual(rolesAtRest(database));
    expect(containerGroups(dataFolder)).toEqual([database]);
    return processes;
  }, patience);
}

const rolesAtRest = (database: string): readonly string[] =>
  [
    'daemon',
    'starter',
    'log writer',
    'way out of voting',
    `shell of ${database}`,
    `runtime of ${database}`,
    'container: node db.js',
  ].toSorted();

/** The containers of one vote, once they are gone. */
async function watchVote(voter: string): Promise<{ readonly container: string; readonly seen: readonly Sighting[] }> {
  const watch = watchContainers(daemon.dataFolder, 'voting');
  try {
    const { status, container } = await castVote(daemon.gateway, 'a', `voter_id=${voter}`);
    expect(status).toBe(200);
    await untilAtRest(daemon);
    await vi.waitFor(() => expect(watch.seen.filter(({ isGone }) => !isGone)).toEqual([]), patience);
    return { container, seen: [...watch.seen] };
  } finally {
    watch.close();
  }
}

it('DR-15 at rest only the daemon, its helpers and the database exist on the host', async () => {
  const processes = await untilAtRest(daemon);
  const byRole = (role: string): number => processes.find((one) => rolesOf([one])[0] === role)?.pid ?? 0;
  expect(byRole('daemon')).toBe(daemon.pid);
  const { instances } = await daemon.api.json<{ instances: { id: string; name: string }[] }>('instances');
  expect(instances.map(({ id, name }) => ({ id, name }))).toEqual([
    { id: containerGroups(daemon.dataFolder)[0], name: 'db' },
  ]);
});

it('DR-8 DR-11 DR-15 a vote makes one container that takes it and one that records it, and both are gone afterwards', async () => {
  const before = await untilAtRest(daemon);
  const all: Sighting[] = [];
  for (const voter of ['one', 'two', 'three']) {
    const since = Date.now();
    const { container, seen } = await watchVote(voter);
    const started = await startsSince(daemon.api, 'voting', since);
    const run = (await settledRuns(daemon.api)).find(({ args }) => args[0] === voter);

    expect(started.map(({ name }) => name)).toEqual(['vote', 'record-vote']);
    expect(seen.map(({ id }) => id)).toEqual(started.map(({ instance }) => instance));
    expect(shortId(seen[0]?.id ?? '')).toBe(container);
    expect(seen[1]?.id).toBe(run?.instance);
    expect(run).toMatchObject({ state: 'succeeded', parent: seen[0]?.id });
    all.push(...seen);
  }
  expect(new Set(all.map(({ id }) => id)).size).toBe(6);
  expect(new Set(all.map(({ cgroup }) => cgroup)).size).toBe(6);
  const processes = await Promise.all(all.map(async ({ process: first }) => await first));
  expect(processes.map((first) => first?.container)).toEqual(all.map(({ id }) => id));
  const ticks = processes.map((first) => first?.ticks ?? 0);
  expect(
    ticks.every((tick, index) => index === 0 || tick > (ticks[index - 1] ?? 0)),
    `start times ${ticks.join(', ')}`,
  ).toBe(true);
  expect(await untilAtRest(daemon), 'the same processes as before').toEqual(before);
});

it('DR-15 counts 20 votes exactly, each request in a container of its own, and a re-vote replaces', async () => {
  const { gateway, api } = daemon;
  await settledRuns(api);
  const before = await readResult(gateway);
  const first = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => await castVote(gateway, index < 12 ? 'a' : 'b')),
  );
  const runs = await settledRuns(api);
  expect(runs.filter(({ state }) => state !== 'succeeded')).toEqual([]);
  const counted = await readResult(gateway);
  expect(counted).toMatchObject({ a: before.a + 12, b: before.b + 8, total: before.total + 20 });

  const changed = await Promise.all(
    [...first.slice(0, 5), ...first.slice(12, 14)].map(
      async ({ cookies }, index) => await castVote(gateway, index < 5 ? 'b' : 'a', cookies),
    ),
  );
  await settledRuns(api);
  const recounted = await readResult(gateway);
  expect(recounted).toMatchObject({ a: before.a + 9, b: before.b + 11, total: before.total + 20 });

  const answers = [...first, ...changed];
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  const containers = [before, ...first, counted, ...changed, recounted].map(({ container }) => container);
  expect(new Set(containers).size, 'processed by').toBe(containers.length);
});

it('DR-15 8 containers living at once have 8 namespaces of every kind, and see only their own processes', async () => {
  const before = await untilAtRest(daemon);
  await daemon.up(crowdFile);
  const held = await Promise.all(Array.from({ length: 8 }, async () => await holdRequest(`${daemon.gateway}/inside`)));
  try {
    const seen = held.map(({ lines }) => {
      const hostname = lines[0]?.split(' ')[1] ?? 'none';
      const [first, ...others] = processesOf(daemon.dataFolder).filter(({ container }) =>
        container?.startsWith(hostname),
      );
      expect([first?.command, ...others]).toEqual(['/bin/busybox sh /app/inside.sh']);
      const namespaces = namespacesOf(first?.pid ?? 0);
      const told = namespaceKinds.map((kind) => `${kind} ${namespaces[kind]}`);
      expect(lines).toEqual([`hostname ${hostname}`, ...told, 'processes /proc/1', 'ready']);
      return { id: first?.container, namespaces };
    });
    expect(new Set(seen.map(({ id }) => id)).size).toBe(8);
    for (const kind of namespaceKinds) {
      const own = new Set(seen.map(({ namespaces }) => namespaces[kind]));
      expect({ kind, size: own.size }).toEqual({ kind, size: 8 });
      expect(own, `${kind} is not the host's`).not.toContain(namespacesOf('self')[kind]);
    }
  } finally {
    await Promise.all(held.map(async ({ letGo }) => await letGo()));
    await daemon.cli(['down', 'crowd']);
  }
  expect(await untilAtRest(daemon), 'the same processes as before').toEqual(before);
});

it('DR-15 up from any directory, by any path, finds the app as it is', async () => {
  const before = await untilAtRest(daemon);
  const folder = dirname(votingFile);
  const ways = [
    { cwd: elsewhere, args: [votingFile] },
    { cwd: elsewhere, args: [relative(elsewhere, votingFile)] },
    { cwd: elsewhere, args: [folder] },
    { cwd: elsewhere, args: ['-f', relative(elsewhere, votingFile)] },
    { cwd: dirname(folder), args: ['voting'] },
    { cwd: join(folder, 'vote'), args: [] },
    { cwd: folder, args: [] },
  ];
  for (const { cwd, args } of ways) {
    const { code, stdout, stderr } = await daemon.cli(['up', '-d', '--format', 'json', ...args], { cwd });
    expect({ code, stderr }, `up ${args.join(' ')} in ${cwd}`).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ app: 'voting', changed: false });
  }
  expect(await untilAtRest(daemon), 'the same processes as before').toEqual(before);
});

it('CO-6 DR-15 two daemons with two data folders run the app side by side and know nothing of each other', async () => {
  const before = await untilAtRest(daemon);
  const other = await startDaemon();
  try {
    const { code, stderr } = await other.cli(['up', '-d', relative(elsewhere, votingFile)], { cwd: elsewhere });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await untilAtRest(other);
    const counts = await readResult(daemon.gateway);
    const votes = await Promise.all(
      [other.gateway, other.gateway, daemon.gateway, other.gateway].map(
        async (gateway) => await castVote(gateway, 'b'),
      ),
    );
    expect(new Set(votes.map(({ container }) => container)).size).toBe(4);
    await Promise.all([daemon, other].map(async ({ api }) => await settledRuns(api)));
    expect(await readResult(other.gateway)).toMatchObject({ a: 0, b: 3, total: 3 });
    expect(await readResult(daemon.gateway)).toMatchObject({ a: counts.a, b: counts.b + 1 });
    const [mine, its] = [await untilAtRest(daemon), await untilAtRest(other)];
    expect(mine.filter(({ pid }) => its.some((one) => one.pid === pid))).toEqual([]);
  } finally {
    await expectGoodEnd(other);
  }
  expect(await untilAtRest(daemon), 'the same processes as before').toEqual(before);
  expect((await castVote(daemon.gateway, 'a')).status).toBe(200);
});

it('DR-15 the starter stays at 60 MB or less, with 200 containers behind it (the soak has thousands)', async ({
  annotate,
}) => {
  await daemon.up(crowdFile);
  const inside = `${daemon.gateway}/inside`;
  for (let round = 0; round < 25; round++) {
    await Promise.all(Array.from({ length: 8 }, async () => await (await fetch(inside)).text()));
  }
  await daemon.cli(['down', 'crowd']);
  const processes = await untilAtRest(daemon);
  const sizes = Object.fromEntries(
    ['daemon', 'starter', 'log writer', 'way out of voting'].map((role) => [
      role,
      residentMb(processes.find((one) => rolesOf([one])[0] === role)?.pid ?? 0),
    ]),
  );
  await annotate(JSON.stringify(sizes), 'resident MB');
  expect(sizes['starter']).toBeLessThanOrEqual(60);
  // More than the starter: it is to be quick when much is written, so V8 may compile what is hot, with a compiler of 6 MB.
  expect(sizes['log writer']).toBeLessThanOrEqual(75);
});
