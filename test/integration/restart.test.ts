import { afterAll, beforeAll, expect, it } from 'vitest';
import { fileURLToPath } from 'node:url';
import { startDaemon, type TestDaemon } from './daemon.ts';

const voting = fileURLToPath(new URL('../../examples/voting/compose.yaml', import.meta.url));
let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
  await daemon.up(voting);
});
afterAll(async () => {
  expect(await daemon.purge(), 'left on the host').toEqual([]);
});

it('up again changes nothing', async () => {
  expect(await daemon.up(voting)).toEqual({ changed: false });
});
