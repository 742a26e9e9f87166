import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { InstanceRow } from '../../src/api/types.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { castVote, readResult, settledRuns } from './voting-app.ts';

const mixed = fileURLToPath(new URL('../../examples/voting/compose.mixed.yaml', import.meta.url));
const app = 'voting-mixed';
let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await startDaemon();
  await daemon.up(mixed, { environment: { OPTION_A: 'Tea & "milk"', OPTION_B: "<b>R'n'B" } });
});

afterAll(async () => {
  expect(await daemon.purge(), 'left on the host').toEqual([]);
});

it('DR-10 a page in TypeScript, a recorder in Python and a result in Perl make one app', async () => {
  const choices = ['a', 'b', 'a', 'a', 'b'] as const;
  const votes = await Promise.all(choices.map(async (choice) => await castVote(daemon.gateway, choice)));
  expect(votes.map(({ status }) => status)).toEqual(choices.map(() => 200));
  const [first] = votes;
  await castVote(daemon.gateway, 'b', first?.cookies);
  const runs = await settledRuns(daemon.api, app);
  expect(runs.map(({ state }) => state)).toEqual([...choices, 'again'].map(() => 'succeeded'));
  const result = await readResult(daemon.gateway);
  expect(result).toMatchObject({ a: 2, b: 3, total: 5, labels: { a: 'Tea & "milk"', b: "<b>R'n'B" } });
  expect(new Set([...votes.map(({ container }) => container), result.container]).size).toBe(choices.length + 1);
});

it('DR-10 shows its page, and leaves only the database running', async () => {
  const page = await (await fetch(`${daemon.gateway}/result`)).text();
  expect(page).toContain('<li>Tea &amp; &quot;milk&quot;: <strong>2</strong></li>');
  expect(page).toContain('&lt;b&gt;R&#39;n&#39;B: <strong>3</strong>');
  expect((await fetch(`${daemon.gateway}/result`, { method: 'POST' })).status).toBe(405);
  const names = async (): Promise<string[]> => {
    const { instances } = await daemon.api.json<{ instances: InstanceRow[] }>('instances', { query: { app } });
    return instances.map(({ name }) => name);
  };
  await expect.poll(names, { timeout: 20_000 }).toEqual(['db']);
});
