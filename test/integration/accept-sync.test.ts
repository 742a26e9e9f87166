import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createMinke } from '../../src/sdk/minke.ts';
import { startDaemon } from './daemon.ts';
import { loadBusybox } from './door-images.ts';
import { fixtureApp } from './isolation-fixtures.ts';

// `kill -9` does not test the disk: what the daemon has written is in the kernel by then.

it('DR-3 a run is synced to the disk before it is answered, each of twenty', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'minke-strace-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const trace = join(folder, 'trace');
  const calls = 'trace=fsync,fdatasync,write,writev,sendto,sendmsg';
  const daemon = await startDaemon({ under: ['strace', '-f', '-qq', '-s', '16', '-e', calls, '-o', trace] });
  onTestFinished(async () => expect(await daemon.purge()).toEqual([]));
  await loadBusybox(daemon, ['busybox']);
  await daemon.up(fixtureApp('runs'));
  const minke = createMinke(daemon.api, 'runs');
  // They begin much later: nothing but the accepts is written meanwhile.
  const notBefore = new Date(Date.now() + 3_600_000);
  const ids: string[] = [];
  for (let count = 0; count < 20; count += 1)
    ids.push((await minke.run('shell', ['-c', 'true'], { detach: true, notBefore })).id);
  for (const id of ids) await minke.runs.get(id);
  const [accepts, looks] = [syncsBefore(trace, '202'), syncsBefore(trace, '200')];
  expect(accepts.length).toBe(20);
  expect(accepts.filter((syncs) => syncs === 0)).toEqual([]);
  // The same measure on answers that promise nothing, so that it is known to tell the two apart.
  expect(looks.slice(-20).filter((syncs) => syncs > 0)).toEqual([]);
});

/** For each answer with this status, how many syncs had ended between the answer before it, of any status, and its own. */
function syncsBefore(trace: string, status: string): number[] {
  const counts: number[] = [];
  let syncs = 0;
  for (const line of readFileSync(trace, 'utf8').split('\n')) {
    if (/(?:fsync|fdatasync)(?:\(| resumed).*= 0$/.test(line)) syncs += 1;
    const answer = /"HTTP\/1\.1 (\d{3})/.exec(line)?.[1];
    if (answer === undefined) continue;
    if (answer === status) counts.push(syncs);
    syncs = 0;
  }
  return counts;
}
