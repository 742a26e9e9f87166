import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresPrograms, startPostgres, type PostgresServer } from '../../src/store/postgres-server.fixture.ts';
import { createMinke, type Minke } from '../../src/sdk/minke.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { loadBusybox } from './door-images.ts';
import { fixtureApp } from './isolation-fixtures.ts';

describe.skipIf(postgresPrograms() === undefined)(
  'a daemon whose state is in PostgreSQL (skipped where that is not installed)',
  () => {
    let server: PostgresServer;
    let daemon: TestDaemon;
    let minke: Minke;
    beforeAll(async () => {
      server = await startPostgres();
      daemon = await startDaemon({ environment: { MINKE_STORE: await server.database() } });
      minke = createMinke(daemon.api, 'cli');
      await loadBusybox(daemon, ['busybox']);
      await daemon.up(fixtureApp('cli'));
    });
    afterAll(async () => {
      expect(await daemon.purge(), 'left on the host').toEqual([]);
      await server[Symbol.asyncDispose]();
    });

    const page = async (): Promise<unknown> => await (await fetch(`${daemon.gateway}/page/deep`)).json();
    const answer = { path: '/deep', sent: null };

    it('DR-3 does what was accepted, and knows it after kill -9', async () => {
      const { id } = await minke.run('shell', ['-c', 'echo kept'], { detach: true });
      await daemon.end('SIGKILL');
      await daemon.restart();
      expect(await minke.runs.wait(id)).toMatchObject({ state: 'succeeded' });
      expect((await minke.runs.result(id)).toString()).toBe('kept\n');
      expect(await page()).toEqual(answer);
    });

    it('refuses to accept while it is away, goes on answering requests, loses nothing, and goes on by itself', async () => {
      const slow = await minke.run(
        'shell',
        ['-c', 'until [ -e /tmp/never ]; do sleep 0.1; n=$((n+1)); [ $n -gt 30 ] && exit 5; done'],
        {
          detach: true,
        },
      );
      await expect.poll(async () => (await minke.runs.get(slow.id)).state, { timeout: 60_000 }).toBe('running');
      await server.stop('SIGKILL');
      await expect(minke.run('shell', ['-c', 'true'])).rejects.toMatchObject({ code: 'STATE_UNREACHABLE' });
      expect(await page()).toEqual(answer);
      await server.start();
      expect(await minke.run('shell', ['-c', 'echo again'])).toBe('again\n');
      // It ended while nobody could write that down.
      expect(await minke.runs.wait(slow.id)).toMatchObject({ state: 'failed', exitCode: 5 });
      const { accepted, waiting, inFlight, settled, dead, removed } =
        await daemon.api.json<Record<string, number>>('ledger');
      expect(accepted).toBe((waiting ?? 0) + (inFlight ?? 0) + (settled ?? 0) + (dead ?? 0) + (removed ?? 0));
    });
  },
);
