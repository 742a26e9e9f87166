import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMinke, type Minke } from '../../src/sdk/minke.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { loadBusybox } from './door-images.ts';
import { fixtureApp, host } from './isolation-fixtures.ts';
import { numbers, viewOf } from './restart-host.ts';
import { ballastIn, mountSmallDisk, type SmallDisk } from './small-disk.ts';

let daemon: TestDaemon;
let minke: Minke;

async function begin(options: Parameters<typeof startDaemon>[0]): Promise<void> {
  daemon = await startDaemon(options);
  await loadBusybox(daemon, ['busybox']);
  await daemon.up(fixtureApp('scarce'));
  minke = createMinke(daemon.api, 'scarce');
  // Whatever is made with the first of each is there now.
  await Promise.all([page(), hello()]);
}

async function end(): Promise<void> {
  expect(await daemon.purge(), 'left on the host').toEqual([]);
}

/** Of a request on a connection of its own: its status, and its text or the code of its error. */
async function page(): Promise<string> {
  const answer = await fetch(`${daemon.gateway}/page`, { headers: { connection: 'close' } });
  const text = await answer.text();
  if (answer.ok) return text;
  return `${answer.status} ${(JSON.parse(text) as { error: { code: string } }).error.code}`;
}

const hello = async (): Promise<unknown> => await minke.run('shell', ['-c', 'echo hello']);

/** The code and the text of what it rejects with. */
const failure = async (doing: Promise<unknown>): Promise<string> =>
  await doing.then(
    (value) => `it did not fail: ${String(value)}`,
    (error: Error & { code?: string }) => `${error.code ?? ''} ${error.message}`,
  );

/** Prints numbers until the file that it names is there, with a pause between. */
const counting = (last: number): string[] => [
  '-c',
  `i=0; while [ $((i+=1)) -le ${last} ]; do echo $i; sleep 0.02; done`,
];

const packed = join(dirname(fixtureApp('scarce')), 'packed.yaml');

/** A run whose container is there: one that is still to be started is refused with all that needs room. */
async function running(args: readonly string[]): Promise<{ readonly id: string }> {
  const run = await minke.run('shell', args, { detach: true });
  await expect.poll(async () => (await minke.runs.get(run.id)).state, { timeout: 20_000 }).toBe('running');
  return run;
}

/** Files below the data folder that are somebody's work in progress. */
const halfMade = (): string[] =>
  ['images/tmp', 'writable'].flatMap((folder) => readdirSync(join(daemon.dataFolder, folder)));

describe.each([
  { kind: 'bytes', options: 'size=48m', room: /no room is left in \S+ \(0 bytes and \d+ files free\)/ },
  { kind: 'files', options: 'size=300m,nr_inodes=3000', room: /no room is left in \S+ \(\d+ bytes and 0 files free\)/ },
] as const)('a data folder with no $kind left', ({ kind, options, room }) => {
  let disk: SmallDisk;
  beforeAll(async () => {
    disk = mountSmallDisk(options);
    await begin({ parent: disk.folder });
  });
  afterAll(async () => {
    await end();
    disk.remove();
  });

  it('DR-6 answers requests, refuses what needs room and says how much there is, loses no run and goes on by itself', async () => {
    const talking = await running(counting(400));
    const silent = await running(['-c', 'sleep 3']);
    disk.fill(kind);
    try {
      expect(await page()).toBe('fresh\n');
      const refused = { run: await failure(hello()), up: await failure(daemon.up(packed)) };
      expect(refused.run).toMatch(/^OUT_OF_DISK/);
      expect(refused.run).toMatch(room);
      expect(refused.up).toMatch(/^ OUT_OF_DISK: Cannot write an image/);
      expect(refused.up).toMatch(room);
      expect(await failure(loadBusybox(daemon, ['other']))).toMatch(/^OUT_OF_DISK Cannot write an image: no room/);
      expect(halfMade()).toEqual([]);
      expect((await daemon.cli(['run', '--app', 'scarce', 'shell', '-c', 'true'])).code).toBe(3);
      expect((await daemon.cli(['ps'])).code).toBe(0);
      // Its container ends while nothing can be written of that.
      await expect.poll(() => viewOf(daemon.dataFolder).living().containers.length, { timeout: 20_000 }).toBe(1);
      expect(await page()).toBe('fresh\n');
    } finally {
      disk.free();
    }
    expect((await minke.runs.wait(silent.id)).state).toBe('succeeded');
    expect((await minke.runs.wait(talking.id)).state).toBe('succeeded');
    expect((await minke.runs.result(talking.id)).toString()).toBe(numbers(1, 400));
    expect(await hello()).toBe('hello\n');
    expect(await daemon.up(packed)).toEqual({ changed: true });
    expect(await (await fetch(`${daemon.gateway}/packed`)).text()).toBe('page \n');
  });
});

it.each(['bytes', 'files'] as const)('says that its run folder has no %s left, and goes on by itself', async (kind) => {
  const mount = `mount -t tmpfs -o size=4m,nr_inodes=400 tmpfs /run; exec "$@"`;
  await begin({ under: ['unshare', '--mount', 'sh', '-c', mount, 'sh'] });
  const disk = ballastIn(`/proc/${daemon.pid}/root/run`);
  const talking = await running(counting(400));
  // What ended gives its room back a moment later, and then somebody has it once.
  await expect
    .poll(async () => {
      disk.free();
      disk.fill(kind);
      return await page();
    })
    .toBe('507 OUT_OF_DISK');
  expect(await failure(hello())).toMatch(/^OUT_OF_DISK .* no room is left in \/run\/minke-\w+ \(/);
  disk.free();
  disk.fill(kind);
  expect(await failure(daemon.up(packed))).toMatch(/^ OUT_OF_DISK: Cannot write the network of "packed"/);
  disk.free();
  expect((await minke.runs.wait(talking.id)).state).toBe('succeeded');
  expect((await minke.runs.result(talking.id)).toString()).toBe(numbers(1, 400));
  expect(await Promise.all([page(), page(), hello()])).toEqual(['fresh\n', 'fresh\n', 'hello\n']);
  expect(await daemon.up(packed)).toEqual({ changed: true });
  await end();
});

it('refuses with 503 what it has no descriptors for, stays alive and goes on by itself', async () => {
  await begin({ under: ['sh', '-c', 'ulimit -n 100; exec "$@"', 'sh'] });
  const { pid } = daemon;
  // What the kernel accepts for a process without a descriptor to spare is closed at once.
  const all = await Promise.all(Array.from({ length: 60 }, async () => await page().catch(() => 'closed')));
  expect(new Set(all).difference(new Set(['fresh\n', '503 OUT_OF_DESCRIPTORS', 'closed']))).toEqual(new Set());
  expect(all.filter((answer) => answer === '503 OUT_OF_DESCRIPTORS').length).toBeGreaterThan(0);
  const runs = await Promise.all(Array.from({ length: 100 }, async () => await hello().catch((error: Error) => error)));
  expect(runs.filter((run) => run instanceof Error).length).toBeGreaterThan(0);
  expect([await page(), await hello(), daemon.pid]).toEqual(['fresh\n', 'hello\n', pid]);
  await end();
});

it('refuses with 503 what the machine has no processes for, and goes on by itself', async () => {
  await begin({});
  const group = `/sys/fs/cgroup/pids/minke-test-${process.pid}`;
  mkdirSync(group);
  const starter = String(viewOf(daemon.dataFolder).helper('starter')?.pid);
  writeFileSync(join(group, 'cgroup.procs'), starter);
  writeFileSync(join(group, 'pids.max'), readFileSync(join(group, 'pids.current')));
  expect(await page()).toBe('503 OUT_OF_PROCESSES');
  expect(await failure(hello())).toMatch(/^OUT_OF_PROCESSES Cannot start "shell": the machine refuses another process/);
  writeFileSync(join(group, 'pids.max'), 'max');
  expect([await page(), await hello()]).toEqual(['fresh\n', 'hello\n']);
  writeFileSync('/sys/fs/cgroup/pids/cgroup.procs', starter);
  await end();
  rmdirSync(group);
});

const whyNot = canForbidWriting() ? '' : ` (${tmpdir()} keeps nobody from writing to an open file)`;
it.skipIf(whyNot !== '')(
  `DR-6 refuses runs while its state cannot be written, answers requests and questions, loses nothing and goes on by itself${whyNot}`,
  async () => {
    await begin({});
    const state = join(daemon.dataFolder, 'minke.db-wal');
    const silent = await running(['-c', 'sleep 2']);
    const key = { 'idempotency-key': 'the-same' };
    const once = { json: { app: 'scarce', target: { function: 'shell' }, args: ['-c', 'true'] }, headers: key };
    host('chattr', '+i', state);
    try {
      expect(await failure(hello())).toMatch(/^STATE_FAILED The disk refuses the state of minke: \S+minke\.db \(/);
      expect(await failure(daemon.api.json('runs', once))).toMatch(/^STATE_FAILED/);
      expect(await page()).toBe('fresh\n');
      expect((await minke.runs.get(silent.id)).state).toBe('running');
      // Its container ends while nothing can be written of that.
      await expect.poll(() => viewOf(daemon.dataFolder).living().containers.length, { timeout: 20_000 }).toBe(0);
    } finally {
      host('chattr', '-i', state);
    }
    expect((await minke.runs.wait(silent.id)).state).toBe('succeeded');
    const { run } = await daemon.api.json<{ run: { id: string } }>('runs', once);
    expect((await minke.runs.wait(run.id)).state).toBe('succeeded');
    expect(await hello()).toBe('hello\n');
    const { accepted, settled } = await minke.runs.ledger();
    expect([accepted, settled]).toEqual([4, 4]);
    await end();
  },
);

/** Whether the kernel refuses what is written to an open file once it is immutable, as ext4 does since Linux 5.3. */
function canForbidWriting(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'minke-test-'));
  const file = join(folder, 'file');
  const fd = openSync(file, 'w');
  try {
    if (spawnSync('chattr', ['+i', file]).status !== 0) return false;
    writeSync(fd, 'x');
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  } finally {
    closeSync(fd);
    spawnSync('chattr', ['-i', file]);
    rmSync(folder, { recursive: true });
  }
}

describe('the state of minke', () => {
  let disk: SmallDisk;
  beforeAll(async () => {
    disk = mountSmallDisk('size=100m');
    await begin({ parent: disk.folder });
  });
  afterAll(async () => {
    await end();
    disk.remove();
  });

  it('waits for a lock of another program, then says who holds up a run; requests and questions are answered', async () => {
    const other = new DatabaseSync(join(daemon.dataFolder, 'minke.db'));
    other.exec('BEGIN IMMEDIATE');
    const refused = failure(hello());
    expect(await page()).toBe('fresh\n');
    expect(await refused).toMatch(/^STATE_LOCKED The state of minke is locked by another program: .*minke\.db$/);
    expect((await minke.runs.list()).map(({ state }) => state)).toEqual(['succeeded']);
    const patient = hello();
    other.exec('ROLLBACK');
    other.close();
    expect(await patient).toBe('hello\n');
  });

  it('names a file that cannot be written when the daemon starts', async () => {
    await daemon.end('SIGTERM');
    disk.remount('ro');
    await expect(daemon.restart()).rejects.toThrow(/read-only/i);
    disk.remount('rw');
    await daemon.restart();
    expect(await hello()).toBe('hello\n');
  });
});
