import { readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TimelineEvent } from '../../src/model/timeline.ts';
import { createMinke, type Minke } from '../../src/sdk/minke.ts';
import { createReceiver, isSigned } from '../../src/tasks/callback.fixture.ts';
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

const secretOf = (text: string): Buffer => Buffer.from(text.trim().replace(/^whsec_/, ''), 'base64');
const told = async (run: string): Promise<unknown[]> => {
  const kinds: string[] = [];
  for await (const event of daemon.api.lines<TimelineEvent>('events')) {
    if (event.run === run && event.kind.startsWith('callback.')) kinds.push(event.kind);
  }
  return kinds;
};

it('tells of the end of a run, signed with the secret of the data folder, until it is heard', async () => {
  const receiver = await createReceiver([503, 500, 200]);
  const { stdout } = await daemon.cli([
    'run',
    '-d',
    '--callback',
    receiver.url,
    '--app',
    'runs',
    'shell',
    '-c',
    'echo ok; exit 4',
  ]);
  const id = stdout.trim();
  const file = /^secret +(.+), which/m.exec((await daemon.cli(['status'])).stdout)?.[1] ?? '';
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const secret = secretOf(readFileSync(file, 'utf8'));
  for (const time of [1, 2, 3]) {
    const one = await receiver.next();
    expect(isSigned(one, secret), `attempt ${time}`).toBe(true);
    expect(JSON.parse(one.body)).toMatchObject({ run: { id, state: 'failed', exitCode: 4 }, result: 'ok\n' });
  }
  await expect.poll(async () => (await minke.runs.get(id)).callback?.state).toBe('delivered');
  await expect
    .poll(async () => await told(id))
    .toEqual(['callback.retrying', 'callback.retrying', 'callback.delivered']);
  await receiver.close();
});

it('is owed by the next daemon when this one is killed between the end of the run and its delivery', async () => {
  const nobody = await createReceiver();
  await nobody.close();
  const { id } = await minke.run('shell', ['-c', 'echo late'], { detach: true, callback: nobody.url });
  const settled = await minke.runs.wait(id);
  expect(settled).toMatchObject({ state: 'succeeded', callback: { state: 'owed' } });
  expect(settled).toHaveProperty(
    'outputBytes',
    expect.toSatisfy((bytes: number) => bytes > 'late\n'.length),
  );
  await daemon.end('SIGKILL');
  const receiver = await createReceiver([204], nobody.port);
  await daemon.restart();
  const one = await receiver.next();
  const secret = secretOf(readFileSync(daemon.status.callbackSecretFile, 'utf8'));
  expect(isSigned(one, secret)).toBe(true);
  expect(JSON.parse(one.body)).toMatchObject({ run: { id, state: 'succeeded' }, result: 'late\n' });
  await expect.poll(async () => (await minke.runs.get(id)).callback?.state).toBe('delivered');
  await receiver.close();
});
