import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { reportOf, runStages } from './stages.ts';

it('goes on after a stage that fails, and says which did', async () => {
  const results = await runStages([
    { name: 'bad', args: ['-e', 'process.exit(3)'], limitMs: 60_000 },
    { name: 'good', args: ['-e', ''], limitMs: 60_000 },
  ]);
  expect(results.map(({ name, isOk }) => [name, isOk])).toEqual([
    ['bad', false],
    ['good', true],
  ]);
  expect(reportOf(results)).toMatch(/bad +\d+\.\d s {2}FAILED\n +good +\d+\.\d s {2}ok$/);
});

it('ends a stage that hangs, and what it started', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const grandchild = `require('net').connect(${port}, '127.0.0.1'); setInterval(() => {}, 1e6)`;
  const hangs = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}]); setInterval(() => {}, 1e6)`;
  const stage = runStages([{ name: 'hangs', args: ['-e', hangs], limitMs: 4000 }]);
  const [connection] = (await once(server, 'connection')) as [Socket];
  connection.on('error', () => undefined);
  await once(connection.resume(), 'close');
  const [result] = await stage;
  expect(result?.isOk).toBe(false);
  server.close();
}, 30_000);
