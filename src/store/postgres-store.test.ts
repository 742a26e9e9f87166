import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeStore } from './conformance.ts';
import { postgresPrograms, startPostgres, type PostgresServer } from './postgres-server.fixture.ts';
import { aRun } from './run.fixture.ts';
import { createSession } from './postgres-session.ts';
import { createPostgresStore, withoutPassword } from './postgres-store.ts';

// A server that was killed starts again once all of its processes have seen it.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

describe.skipIf(postgresPrograms() === undefined)('(skipped where PostgreSQL is not installed)', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => await server[Symbol.asyncDispose]());

  describeStore('PostgreSQL', async () => {
    const url = await server.database();
    return { open: async () => await createPostgresStore({ url }), dispose: async () => undefined };
  });

  describe('a PostgreSQL database', () => {
    let url: string;
    beforeEach(async () => {
      url = await server.database();
    });

    it('has every run that was answered for after its server was killed with SIGKILL', async () => {
      const store = await createPostgresStore({ url });
      const kept: string[] = [];
      const lanes = Array.from({ length: 20 }, async () => {
        for (;;) {
          const { id } = await store.runs.accept(aRun());
          kept.push(id);
        }
      });
      const ended = Promise.allSettled(lanes);
      await expect.poll(() => kept.length, { timeout: 30_000, interval: 10 }).toBeGreaterThan(500);
      await server.stop('SIGKILL');
      const reasons = (await ended).map((lane) => (lane as PromiseRejectedResult).reason as { code: string });
      expect(new Set(reasons.map(({ code }) => code))).toEqual(new Set(['STATE_UNREACHABLE']));
      await server.start();
      const found = await Promise.all(kept.map(async (id) => await store.runs.get(id)));
      expect(found.filter((run) => run === undefined)).toEqual([]);
      // What was under way when the server died may have been stored; the sums agree all the same.
      const { accepted, waiting } = await store.runs.ledger();
      expect(accepted).toBe(waiting);
      expect(accepted).toBeGreaterThanOrEqual(kept.length);
      await store.close();
    });

    it('goes on with nothing of a transaction whose connection was lost in the middle, and with one other connection', async () => {
      const session = createSession({ url, place: 'here' });
      const one = { sql: 'SELECT 1 AS one', values: {} };
      const cut = session.during(async (connection) => {
        await connection.command('BEGIN');
        await server.command("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'minke'");
        // Its end is told at once, and not with the next question only.
        await expect.poll(async () => await connection.query(one).catch(String)).toContain('onnection');
        return await connection.query(one);
      });
      await expect(cut).rejects.toThrow(/connection/i);
      expect(await session.during(async (connection) => await connection.query(one))).toEqual([{ one: 1 }]);
      expect(await session.during(async (connection) => await connection.query(one))).toEqual([{ one: 1 }]);
      await session.close();
    });

    it('says STATE_UNREACHABLE while its server is away, and goes on by itself', async () => {
      const store = await createPostgresStore({ url });
      const { id } = await store.runs.accept(aRun());
      await server.stop('SIGINT');
      const asked = [() => store.runs.accept(aRun()), () => store.runs.get(id), () => createPostgresStore({ url })];
      for (const ask of asked) await expect(ask()).rejects.toMatchObject({ code: 'STATE_UNREACHABLE' });
      await server.start();
      expect(await store.runs.get(id)).toBeDefined();
      await store.runs.accept(aRun());
      expect(await store.runs.ledger()).toMatchObject({ accepted: 2, waiting: 2 });
      await store.close();
    });

    it('says STATE_READ_ONLY while nothing may be written, reads on, and goes on by itself', async () => {
      const store = await createPostgresStore({ url });
      const { id } = await store.runs.accept(aRun());
      const setReadOnly = async (value: 'on' | 'off'): Promise<void> => {
        await server.command(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
        await server.command('SELECT pg_reload_conf()');
      };
      const outcome = async (): Promise<string> =>
        await store.runs.accept(aRun()).then(
          () => 'kept',
          (error: { code: string }) => error.code,
        );
      await setReadOnly('on');
      await expect.poll(outcome, { timeout: 30_000, interval: 20 }).toBe('STATE_READ_ONLY');
      expect(await store.runs.get(id)).toBeDefined();
      await setReadOnly('off');
      await expect.poll(outcome, { timeout: 30_000, interval: 20 }).toBe('kept');
      await store.close();
    });

    it("is one daemon's at a time", async () => {
      const store = await createPostgresStore({ url });
      await expect(createPostgresStore({ url })).rejects.toMatchObject({ code: 'STATE_LOCKED' });
      await store.close();
      await (await createPostgresStore({ url })).close();
    });

    it('refuses what a newer minke wrote, and says so', async () => {
      await (await createPostgresStore({ url })).close();
      const client = new Client({ connectionString: url });
      await client.connect();
      await client.query('UPDATE minke.schema_version SET version = 999');
      await client.end();
      await expect(createPostgresStore({ url })).rejects.toMatchObject({
        code: 'DATA_FOLDER',
        message: expect.stringContaining('written by a newer minke (schema 999') as string,
      });
    });
  });
});

describe('the address of a database', () => {
  it('is shown without its password', () => {
    expect(withoutPassword('postgres://me:secret@db.example:5433/state?sslmode=require')).toBe(
      'postgres://me:***@db.example:5433/state?sslmode=require',
    );
    expect(withoutPassword('postgres:///state?user=me&password=secret&host=/run')).toBe(
      'postgres:///state?user=me&password=***&host=%2Frun',
    );
  });

  it('has to be one', () => {
    for (const none of ['', 'state.db', 'mysql://me@db/state'])
      expect(() => withoutPassword(none)).toThrow('MINKE_STORE cannot be');
  });
});
