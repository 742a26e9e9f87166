import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProgressLine } from '../../src/api/types.ts';
import { tarOf, type ShortEntry } from '../../src/image/testing/images.ts';
import { createMinke } from '../../src/sdk/minke.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { startMeddler, startRegistry, type Registry } from './registry-host.ts';
import { createPusher, types } from './registry-push.ts';

const minke = fileURLToPath(new URL('../../bin/minke', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'minke-images-'));
let daemon: TestDaemon;
let registry: Registry;
let image = '';

/** busybox as an image: the binary, and links to it. */
const busybox = tarOf([
  { name: 'bin/busybox', text: readFileSync('/bin/busybox'), mode: 0o755 },
  ...['sh', 'echo', 'cat', 'env', 'id', 'sleep'].map((name): ShortEntry => ({
    name: `bin/${name}`,
    type: 'symlink',
    linkName: 'busybox',
    mode: 0o777,
  })),
]);

beforeAll(async () => {
  [daemon, registry] = await Promise.all([startDaemon(), startRegistry()]);
  const sent = { plain: busybox, sent: gzipSync(busybox), mediaType: `${types.ociLayer}+gzip` };
  const settings = { Cmd: ['sh', '-c', 'echo from the image'], Env: ['PATH=/bin'] };
  for (const name of ['run', 'sdk', 'docker', 'app'])
    await createPusher(registry.host, `acme/${name}`).image('1', [sent], settings);
  for (const name of ['cli', 'terminal']) {
    const own = { plain: tarOf([{ name: 'own', text: randomBytes(2_000_000) }]) };
    await createPusher(registry.host, `acme/${name}`).image('1', [sent, own], settings);
  }
  image = registry.host;
});
afterAll(async () => {
  expect(await daemon.purge(), 'left on the host').toEqual([]);
  await registry.close();
  rmSync(folder, { recursive: true, force: true });
});

function app(files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(folder, 'app-'));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), content);
  }
  return path;
}

async function docker(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const host = `unix://${join(daemon.dataFolder, 'minke.sock')}`;
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, DOCKER_HOST: host };
  const child = spawn('docker', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: Number(code), out, err };
}

describe('DR-4 an image that is not here is pulled on first use, with every option kept', () => {
  it('by minke run', async () => {
    const target = `${image}/acme/run:1`;
    const result = await daemon.cli(['run', '-e', 'COLOUR=blue', '-i', target, 'sh', '-c', 'echo $COLOUR; cat'], {
      input: 'given',
    });
    expect(result).toEqual({ code: 0, stdout: 'blue\ngiven', stderr: '' });
  });

  it('by minke run on a terminal, which shows how far it is', async () => {
    const reference = `${image}/acme/terminal:1`;
    const line = `stty cols 120; ${minke} run ${reference} echo done`;
    const env = { PATH: process.env['PATH'] ?? '', MINKE_DATA: daemon.dataFolder, TERM: 'xterm' };
    const child = spawn('script', ['-qefc', line, '/dev/null'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const [shown, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
    expect(code).toBe(0);
    expect(shown).toMatch(/pull 127\.0\.0\.1:\d+\/acme\/terminal:1: [\d.]+ \w+ of [\d.]+ MiB/);
    expect(shown).toMatch(/done\r\n$/);
  });

  it('by the SDK', async () => {
    const minke = createMinke(daemon.api);
    const output = await minke.run({ image: `${image}/acme/sdk:1` }, ['sh', '-c', 'echo $COLOUR'], {
      env: { COLOUR: 'red' },
    });
    expect(output).toBe('red\n');
  });

  it('by an unmodified Docker client, which asks for it', async () => {
    const result = await docker(
      'run',
      '--rm',
      '-e',
      'COLOUR=green',
      '-u',
      '7',
      '-w',
      '/bin',
      `${image}/acme/docker:1`,
      'sh',
      '-c',
      'echo $COLOUR $PWD; id -u',
    );
    expect(result).toMatchObject({ code: 0, out: 'green /bin\n7\n' });
    expect(result.err).toContain('is here, as sha256:');
    const failed = await docker('run', '--rm', `${image}/acme/none:1`);
    expect(failed).toMatchObject({ code: 125, out: '' });
    expect(failed.err).toContain('does not have it');
  });

  it('by an app file, and again by nobody once the registry has gone', async () => {
    const gone = await startMeddler(registry);
    const path = app({
      'compose.yaml': `services: {talk: {image: "${gone.host}/acme/app:1", x-minke: {function: task}}}`,
    });
    const file = join(path, 'compose.yaml');
    await daemon.up(file, { project: 'pulled' });
    await gone.close();
    expect(await daemon.up(file, { project: 'pulled' })).toEqual({ changed: false });
    expect((await daemon.cli(['run', '--app', 'pulled', 'talk'])).stdout).toBe('from the image\n');
    const other = join(app({ 'compose.yaml': `services: {x: {image: "${gone.host}/acme/other:1"}}` }), 'compose.yaml');
    expect(await daemon.cli(['up', '-d', '-p', 'missing', other])).toEqual({
      code: 3,
      stdout: '',
      stderr: `minke: Cannot pull "${gone.host}/acme/other:1": ${gone.host} cannot be reached: nothing listens there
hint: Without a network, load it: docker save ${gone.host}/acme/other:1 | minke load -\n`,
    });
  });
});

describe('minke pull', () => {
  it('fetches an image, tells how far it is, and says what came', async () => {
    const reference = `${image}/acme/cli:1`;
    const lines: ProgressLine[] = [];
    for await (const line of daemon.api.lines<ProgressLine>('imagePull', { query: { reference } })) lines.push(line);
    const last = lines.at(-1);
    expect(last).toMatchObject({ done: true, images: [{ reference }] });
    expect(lines[0]).toMatchObject({ step: 'pull', subject: reference, state: 'begun' });
    const going = lines.filter(({ state }) => state === 'going');
    expect(going.at(-1)?.doneBytes).toBe(going[0]?.totalBytes);
    expect(going[0]?.totalBytes).toBeGreaterThan(1_000_000);
    const result = await daemon.cli(['pull', reference]);
    expect(result).toEqual({ code: 0, stdout: `Pulled ${reference} (${last?.images?.[0]?.id})\n`, stderr: '' });
    expect((await daemon.cli(['images'])).stdout).toContain(reference);
  });

  it('says what is wrong', async () => {
    expect(await daemon.cli(['pull', `${image}/acme/none:1`])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('does not have it'),
    });
    expect(await daemon.cli(['pull', 'Not An Image'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not an image name'),
    });
  });
});

describe('build: with a Dockerfile', () => {
  const files = {
    'compose.yaml': `
services:
  built:
    build: {context: ., args: {COLOUR: blue}}
    x-minke: {function: task}
`,
    Dockerfile: 'FROM HOST/acme/run:1\nARG COLOUR\nRUN echo "built $COLOUR" > /words\nCMD ["cat", "/words"]\n',
  };

  it('CO-1 works in an app file on the sandbox, and minke build shows what it writes', async () => {
    const path = app({ ...files, Dockerfile: files.Dockerfile.replace('HOST', image) });
    const built = await daemon.cli(['build', '-p', 'own'], { cwd: path });
    expect(built).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Built own-built \([0-9a-f]{12}, .*\)\n$/) });
    expect(built.stderr).toContain('RUN echo');
    await daemon.up(join(path, 'compose.yaml'), { project: 'own' });
    expect((await daemon.cli(['run', '--app', 'own', 'built'])).stdout).toBe('built blue\n');
  });

  it('that fails changes nothing and says why', async () => {
    const path = app({ ...files, Dockerfile: 'FROM scratch\nCOPY none /none\n' });
    expect(await daemon.cli(['up', '-d', '-p', 'broken'], { cwd: path })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^minke: Cannot build ".*": .*none/),
    });
    expect((await daemon.api.json<{ apps: { name: string }[] }>('apps')).apps.map(({ name }) => name)).not.toContain(
      'broken',
    );
  });

  it('that is interrupted, by Ctrl-C or by the end of the daemon, leaves nothing', async () => {
    const seconds = String(process.pid + 100_000);
    const path = app({ ...files, Dockerfile: `FROM ${image}/acme/run:1\nRUN echo begun; sleep ${seconds}\n` });
    const json = { files: [join(path, 'compose.yaml')], environment: {} };
    const inBuilds = (): string[] => readdirSync(join(daemon.dataFolder, 'builds/tmp'));
    const patient = { timeout: 20_000 };

    for await (const { note } of daemon.api.lines<ProgressLine>('build', { json })) {
      // Leaving the loop closes the connection, as an interrupted command does.
      if (note === 'begun') break;
    }
    await expect.poll(inBuilds, patient).toEqual([]);
    expect(sleepersOf(seconds)).toEqual([]);

    const begun = Promise.withResolvers<void>();
    const cutOff = (async () => {
      for await (const { note } of daemon.api.lines<ProgressLine>('build', { json })) {
        if (note === 'begun') begun.resolve();
      }
    })();
    await begun.promise;
    await expect.poll(() => sleepersOf(seconds), patient).toHaveLength(1);
    const lost = cutOff.catch((error: unknown) => error);
    await daemon.end('SIGKILL');
    expect(await lost).toMatchObject({ code: 'CONNECTION_LOST' });
    await expect.poll(() => sleepersOf(seconds), patient).toEqual([]);
    await daemon.restart();
    expect(inBuilds()).toEqual([]);
  });
});

/** Processes of the interrupted build. */
const sleepersOf = (seconds: string): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${seconds}\0`;
    } catch {
      return false;
    }
  });
