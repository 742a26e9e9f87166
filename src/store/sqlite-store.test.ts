import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeStore } from './conformance.ts';
import { migrations } from './sqlite-schema.ts';
import { createSqliteStore } from './sqlite-store.ts';

// A file system of its own needs a mount, which only root may make.
const isRoot = process.getuid?.() === 0;

describeStore('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'minke-store-'));
  return {
    open: async () => createSqliteStore({ file: join(folder, 'state.db') }),
    dispose: async () => rm(folder, { recursive: true }),
  };
});

describe('SQLite file', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'minke-store-'));
    file = join(folder, 'state.db');
  });
  afterEach(async () => rm(folder, { recursive: true }));

  it('has every run that was answered for after its process was killed with SIGKILL', async () => {
    const promised = await acceptUntilKilled(file, 300);
    expect(promised.length).toBeGreaterThanOrEqual(300);
    const store = await createSqliteStore({ file });
    const kept = await Promise.all(promised.map((id) => store.runs.get(id)));
    expect(kept.filter((run) => run === undefined)).toEqual([]);
    await store.close();
  });

  it('keeps its data in a write-ahead log, at the newest schema', async () => {
    await (await createSqliteStore({ file })).close();
    const db = new DatabaseSync(file);
    expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: migrations.length });
    db.close();
  });

  it('knows what a minke before it knew: how services ended that had one place each', async () => {
    const db = new DatabaseSync(file);
    for (const sql of migrations.slice(0, 2)) db.exec(sql);
    db.exec('PRAGMA user_version = 2');
    const outcome = { state: 'completed', code: 0, cause: 'exited', restarts: 0, at: 7 } as const;
    const put = db.prepare('INSERT INTO service_ends (app, service, digest, outcome) VALUES (?, ?, ?, ?)');
    put.run('a', 'job', 'sha256:1', JSON.stringify(outcome));
    db.close();
    const store = await createSqliteStore({ file });
    expect(await store.apps.ends()).toEqual([{ app: 'a', service: 'job', replica: 1, digest: 'sha256:1', outcome }]);
    await store.close();
  });

  it('refuses a file of a newer minke, and says so', async () => {
    const db = new DatabaseSync(file);
    db.exec('PRAGMA user_version = 999');
    db.close();
    await expect(createSqliteStore({ file })).rejects.toMatchObject({
      code: 'DATA_FOLDER',
      message: expect.stringContaining('written by a newer minke (schema 999') as string,
    });
  });

  it('refuses a file that is no database, and leaves it as it is', async () => {
    await writeFile(file, 'not a database, but long enough to be looked at '.repeat(40));
    await expect(createSqliteStore({ file })).rejects.toMatchObject({ code: 'DATA_FOLDER' });
  });

  it('refuses a folder that does not exist', async () => {
    await expect(createSqliteStore({ file: join(folder, 'no', 'state.db') })).rejects.toMatchObject({
      code: 'DATA_FOLDER',
    });
  });

  it('takes many at once and answers each', async () => {
    const store = await createSqliteStore({ file });
    const event = { at: 1, kind: 'k' };
    await Promise.all(Array.from({ length: 5000 }, async () => store.timeline.append(event)));
    expect(await store.timeline.list({ limit: 10_000 })).toHaveLength(5000);
    await store.close();
  });

  it.skipIf(!isRoot)(
    'says OUT_OF_DISK when there is no room, keeps what fits beside it, loses nothing and recovers',
    async () => {
      expect(await onSmallDisk(folder)).toEqual({
        before: 'kept',
        tooBig: 'OUT_OF_DISK',
        beside: 'kept',
        full: 'OUT_OF_DISK',
        after: 'kept',
        lost: 0,
      });
    },
  );
});

/** Runs the accepting program and kills it in the middle; the ids whose promise had resolved. */
async function acceptUntilKilled(file: string, least: number): Promise<string[]> {
  const program = join(import.meta.dirname, 'accept-forever.fixture.ts');
  const child = spawn(process.execPath, [program, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ids: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    ids.push(line);
    if (ids.length === least) child.kill('SIGKILL');
  }
  return ids;
}

/** What the store does on a file system of 4 MiB, mounted where only the program sees it. */
async function onSmallDisk(folder: string): Promise<unknown> {
  const program = join(import.meta.dirname, 'full-disk.fixture.ts');
  const script = 'mount -t tmpfs -o size=4m none "$1" && exec "$2" "$3" "$1"';
  const args = ['--mount', 'sh', '-c', script, 'sh', folder, process.execPath, program];
  const { stdout } = await promisify(execFile)('unshare', args);
  return JSON.parse(stdout);
}
