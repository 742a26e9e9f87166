import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunRequest } from '../../src/api/types.ts';
import { createMinke, type Minke } from '../../src/sdk/minke.ts';
import { RunError } from '../../src/sdk/run-error.ts';
import type { Run } from '../../src/sdk/types.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { madeBy, type Made } from './door-host.ts';
import { loadBusybox } from './door-images.ts';
import { fixtureApp } from './isolation-fixtures.ts';

let daemon: TestDaemon;
let minke: Minke;
let atRest: Made;
beforeAll(async () => {
  daemon = await startDaemon();
  await loadBusybox(daemon, ['busybox']);
  await daemon.up(fixtureApp('runs'));
  minke = createMinke(daemon.api, 'runs');
  await minke.run('busybox:latest', ['true']);
  atRest = madeBy(daemon);
});
afterAll(async () => {
  const left = madeBy(daemon);
  expect(await daemon.purge(), 'left on the host').toEqual([]);
  expect(left, 'containers that lived on after their runs').toEqual(atRest);
});

const failure = async (run: Promise<unknown>): Promise<RunError> => {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RunError)) throw new Error('it did not fail with a RunError', { cause: error });
  return error;
};

/** Over plain HTTP, as any client would. */
const post = async (json: RunRequest, key?: string): Promise<Run> =>
  (await daemon.api.json<{ run: Run }>('runs', { json, headers: key === undefined ? {} : { 'idempotency-key': key } }))
    .run;

/** Of an image, with options that only the operator may set. */
const ofImage = async (args: readonly string[], options: RunRequest['options'] = {}): Promise<string> => {
  const { id } = await post({ target: { image: 'busybox' }, args, options });
  const settled = await minke.runs.wait(id);
  return `${(await minke.runs.result(id)).toString()}${settled.exitCode === 0 ? '' : `exit ${settled.exitCode}`}`;
};

describe('a run from the host', () => {
  it('DR-2 answers a MiB of binary output byte for byte', async () => {
    const script =
      'dd if=/dev/urandom of=/tmp/data bs=65536 count=16 2>/dev/null; cat /tmp/data; sha256sum </tmp/data >&2';
    const { id } = await minke.run('shell', ['-c', script], { detach: true });
    await minke.runs.wait(id);
    const output = await minke.runs.result(id);
    expect(output.length).toBe(2 ** 20);
    let told = '';
    for await (const { data } of minke.runs.logs(id, { stdout: false })) told += data.toString();
    expect(createHash('sha256').update(output).digest('hex')).toBe(told.slice(0, 64));
  });

  it('DR-1 DR-2 gives arguments and variables on as they are', async () => {
    const args = ['a b', '"c"', "it's", '', '$HOME', 'ü\n'];
    const written = await minke.run('shell', ['-c', String.raw`printf '%s\0' "$@"`, 'sh', ...args]);
    expect(written.split('\0').slice(0, -1)).toEqual(args);
    const env = { A: 'b c', QUOTED: '"\'', EMPTY: '' };
    expect(await minke.run('shell', `-c 'printf "%s|" "$A" "$QUOTED" "$EMPTY" "$FROM_FILE"'`, { env })).toBe(
      'b c|"\'||file|',
    );
  });

  it('DR-2 reads its input to the end', async () => {
    const input = Buffer.alloc(300_000, 'whale ');
    expect((await minke.run('shell', ['-c', 'cat'], { input, encoding: 'buffer' })).equals(input)).toBe(true);
  });

  it('DR-2 rejects with exit status, command, target and stderr when it fails, and with the image where there is one', async () => {
    const error = await failure(minke.run('shell', ['-c', 'echo half; echo why >&2; exit 42']));
    expect(error).toMatchObject({
      code: 'RUN_FAILED',
      exitStatus: 42,
      command: ['-c', 'echo half; echo why >&2; exit 42'],
      target: 'shell',
      image: undefined,
      stdout: 'half\n',
      stderr: 'why\n',
    });
    const ofImage = await failure(minke.run('busybox:latest', ['false']));
    expect(ofImage).toMatchObject({ exitStatus: 1, image: 'busybox:latest', command: ['false'] });
  });

  it('DR-3 is accepted in milliseconds, and its id tells state, exit code, logs and result later, and again', async () => {
    const begun = performance.now();
    const { id } = await minke.run('shell', ['-c', 'read -r line; echo "$line"; exit 5'], {
      detach: true,
      input: 'x\n',
    });
    expect(performance.now() - begun).toBeLessThan(1000);
    expect(await minke.runs.wait(id)).toMatchObject({ state: 'failed', exitCode: 5, attempts: 1 });
    expect(await minke.runs.get(id.slice(0, 12))).toMatchObject({ id, state: 'failed' });
    for (const _ of [1, 2]) expect((await minke.runs.result(id)).toString()).toBe('x\n');
  });

  it('DR-3 gives one run for one idempotency key', async () => {
    const request = { app: 'runs', target: { function: 'shell' }, args: ['-c', 'echo once'] };
    const [first, second] = [await post(request, 'vote-1'), await post(request, 'vote-1')];
    expect(second.id).toBe(first.id);
    expect((await post(request, 'vote-2')).id).not.toBe(first.id);
  });

  it('ends at its time-out, container and all, and says RUN_TIMED_OUT', async () => {
    const error = await failure(minke.run('shell', ['-c', 'echo begun; exec sleep 300'], { timeout: 600 }));
    expect(error).toMatchObject({ code: 'RUN_TIMED_OUT', stdout: 'begun\n', run: { state: 'timed-out' } });
    expect(madeBy(daemon)).toEqual(atRest);
    expect((await failure(minke.run('brief', ['sleep', '300']))).code, 'by the app file').toBe('RUN_TIMED_OUT');
  });

  it('ends when it is cancelled, by its id and by a signal', async () => {
    const { id } = await minke.run('shell', ['-c', 'trap "exit 1" TERM; echo up; sleep 300 & wait'], { detach: true });
    for await (const _ of minke.runs.logs(id, { follow: true })) break;
    await minke.runs.cancel(id);
    expect(await minke.runs.wait(id)).toMatchObject({ state: 'cancelled', error: { code: 'RUN_CANCELLED' } });
    await expect(minke.runs.cancel(id)).rejects.toMatchObject({ code: 'RUN_STATE' });
    const signal = AbortSignal.timeout(300);
    await expect(minke.run('shell', ['-c', 'trap "exit 1" TERM; sleep 300 & wait'], { signal })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    const [last] = await minke.runs.list({ limit: 1 });
    expect((await minke.runs.wait(last?.id ?? '')).state).toBe('cancelled');
    expect(madeBy(daemon)).toEqual(atRest);
  });

  it('is refused with the place and the mend when it is asked for wrongly', async () => {
    await expect(minke.run('nobody')).rejects.toMatchObject({ code: 'TARGET_NOT_FOUND' });
    await expect(minke.run('no/such:image')).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    await expect(post({ target: { function: 'shell' }, args: 'no list' } as never)).rejects.toThrow(/"args"/);
  });
});

describe('a run of an image', () => {
  it('DR-1 starts the image with user, folder, host name and entry point as asked', async () => {
    expect(await ofImage(['id', '-u'], { user: '1000:1000' })).toBe('1000\n');
    expect(await ofImage(['pwd'], { workdir: '/var' })).toBe('/var\n');
    expect(await ofImage(['hostname'], { hostname: 'whale' })).toBe('whale\n');
    expect(await ofImage(['a b'], { entrypoint: ['echo', '-n'] })).toBe('a b');
  });

  it('has mounts, a root that it may write unless it is read-only, and no network with "none"', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'minke-mount-'));
    writeFileSync(join(folder, 'file'), 'of the host');
    const bind = { type: 'bind', source: folder, target: '/host', readOnly: true } as const;
    expect(await ofImage(['cat', '/host/file'], { mounts: [bind] })).toBe('of the host');
    expect(await ofImage(['sh', '-c', 'echo x >/host/file'], { mounts: [bind] })).toBe('exit 1');
    rmSync(folder, { recursive: true });
    const volume = { type: 'volume', source: 'kept', target: '/data', readOnly: false } as const;
    expect(await ofImage(['sh', '-c', 'echo kept >/data/file'], { mounts: [volume] })).toBe('');
    expect(await ofImage(['cat', '/data/file'], { mounts: [volume] })).toBe('kept\n');
    const outside = { ...volume, source: '../images' };
    expect(await ofImage(['true'], { mounts: [outside] })).toBe('exit undefined');
    expect(await ofImage(['sh', '-c', 'echo x >/var/x && cat /var/x'])).toBe('x\n');
    expect(await ofImage(['sh', '-c', 'echo x >/var/x'], { readOnlyRoot: true })).toBe('exit 1');
    const links = ['sh', '-c', 'ls /sys/class/net | grep -v ^lo$'];
    expect(await ofImage(links, { network: 'none' })).toBe('exit 1');
    expect(await ofImage(links)).toBe('eth0\n');
  });
});
