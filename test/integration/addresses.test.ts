import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Engine, Instance } from '../../src/engines/engine.ts';
import { placesFor } from '../../src/engines/sandbox/places.ts';
import { createSandbox } from '../../src/engines/sandbox/sandbox.ts';
import { systemClock } from '../../src/observe/clock.ts';
import { silentLog } from '../../src/observe/log.ts';
import { makeBusyboxRoot } from './busybox-root.ts';
import { leftoversOf } from './leftovers.ts';
import { busyboxSpec } from './sandbox-subject.ts';

// An app with three addresses. A real one has 32511; what happens with the last of them is the same.
const addressesPerApp = 3;
let folder: string;
let engine: Engine;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minke-sandbox-'));
  makeBusyboxRoot(join(folder, 'image'));
  engine = await createSandbox({ dataFolder: dataFolder(), clock: systemClock, log: silentLog, addressesPerApp });
  await engine.networks.ensure({ app: 'few', names: [], listener: ({ socket }) => socket.destroy() });
});
afterEach(async () => {
  await engine.close({ purge: true });
  expect(leftoversOf(dataFolder()), 'left on the host').toEqual([]);
  rmSync(folder, { recursive: true });
});

const dataFolder = (): string => join(folder, 'data');

/** With the right to change its network an instance gets a slot of its own, which is taken apart after it. */
const start = async ({ isTrusted = true } = {}): Promise<Instance> =>
  await engine.start(
    busyboxSpec(join(folder, 'image'), {
      app: 'few',
      network: 'app',
      argv: ['/bin/sleep', '1000'],
      capAdd: isTrusted ? [] : ['NET_ADMIN'],
    }),
  );

const stop = async ({ handle, exited }: Instance): Promise<void> => {
  await engine.stop(handle.id, 0);
  await exited;
};

const refusal = { code: 'OUT_OF_ADDRESSES', message: expect.stringMatching(/"few".* all 3 are taken/) as string };

it('refuses the instance for which there is no address, and gives that of one that ended to the next', async () => {
  const all = await Promise.all([start(), start(), start()]);
  expect(new Set(all.map(({ address }) => address)).size).toBe(3);
  await expect(start()).rejects.toMatchObject(refusal);
  const [first] = all;
  if (first === undefined) throw new Error('there are three');
  await stop(first);
  const next = await start();
  expect(next.address).toBe(first.address);
  await expect(start()).rejects.toMatchObject(refusal);
});

it('uses the addresses of slots again that were taken apart', async () => {
  for (let turn = 0; turn < 2 * addressesPerApp; turn += 1) await stop(await start({ isTrusted: false }));
  const all = await Promise.all([start(), start(), start()]);
  expect(new Set(all.map(({ address }) => address)).size).toBe(3);
});

it('takes back the addresses of slots whose making failed, and leaves nothing of them', async () => {
  const net = join(placesFor(dataFolder()).net, 'few');
  const before = readdirSync(net).toSorted();
  // What makes a slot finds a folder where its namespace's file should be.
  mkdirSync(join(net, 'slot-0'));
  await expect(start()).rejects.toMatchObject({ code: 'NETWORK_FAILED' });
  rmSync(join(net, 'slot-0'), { recursive: true });
  expect(readdirSync(net).toSorted()).toEqual(before);
  const all = await Promise.all([start(), start(), start()]);
  expect(new Set(all.map(({ address }) => address)).size).toBe(3);
});
