import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBuilds, type BuildRequest, type Builds } from '../../src/image/build/builds.ts';
import { createImageStore, type ImageStore } from '../../src/image/store.ts';
import type { ReadyImage } from '../../src/model/instance.ts';
import { silentLog } from '../../src/observe/log.ts';
import { makeBusyboxRoot } from './busybox-root.ts';

const folder = mkdtempSync(join(tmpdir(), 'minke-build-'));
const env = { PATH: process.env['PATH'] };
let images: ImageStore;
let builds: Builds;
let count = 0;

function context(files: Readonly<Record<string, string>>): string {
  count += 1;
  const path = join(folder, `context${count}`);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

async function build(files: Readonly<Record<string, string>>, more: Partial<BuildRequest> = {}): Promise<ReadyImage> {
  return await builds.build(requestFor(context(files), more));
}

const requestFor = (path: string, more: Partial<BuildRequest> = {}): BuildRequest => ({
  reference: 'built',
  context: path,
  dockerfile: join(path, 'Dockerfile'),
  args: {},
  ...more,
});

const read = ({ rootPath }: ReadyImage, path: string): string => readFileSync(join(rootPath, path), 'utf8');

/** Nothing of a build is there once it has ended: no folder, no mount, no process. */
function expectNothingLeft(): void {
  expect(readdirSync(join(folder, 'builds/tmp'))).toEqual([]);
  expect(readdirSync(join(folder, 'images/tmp'))).toEqual([]);
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(folder);
  const commands = readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8')] : [];
    } catch {
      return [];
    }
  });
  expect(commands.filter((line) => line.includes(folder))).toEqual([]);
}

beforeAll(async () => {
  images = createImageStore({ folder: join(folder, 'images'), nodePath: '/bin/true', log: silentLog });
  builds = createBuilds({ folder: join(folder, 'builds'), images, env, log: silentLog });
  makeBusyboxRoot(join(folder, 'root'));
  await images.importRoot('acme/base:1', join(folder, 'root'), { command: ['/bin/sh'] });
});
afterAll(async () => {
  await images.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a Dockerfile', () => {
  it('CO-1 builds upon an image that is here, offline, with its arguments, and says what it does', async () => {
    const lines: string[] = [];
    const image = await build(
      {
        Dockerfile: [
          'ARG VERSION=0',
          'FROM acme/base:${VERSION}',
          'ARG COLOUR=red',
          'COPY greeting /greeting',
          'RUN echo "$COLOUR" > /colour && ls /proc/self > /dev/null',
          'ENV MOOD=good',
          'EXPOSE 8080',
          'HEALTHCHECK --interval=5s --retries=4 CMD /bin/true',
          'WORKDIR /srv',
          'USER 1000',
          'ENTRYPOINT ["/bin/cat"]',
          'CMD ["/greeting"]',
        ].join('\n'),
        greeting: 'hello',
      },
      { args: { VERSION: '1', COLOUR: 'blue' }, onLine: (line) => lines.push(line) },
    );
    expect([read(image, 'greeting'), read(image, 'colour')]).toEqual(['hello', 'blue\n']);
    expect(image.config).toMatchObject({
      entrypoint: ['/bin/cat'],
      command: ['/greeting'],
      workdir: '/srv',
      user: '1000',
      exposedPorts: [8080],
      healthcheck: { test: ['/bin/sh', '-c', '/bin/true'], intervalMs: 5000, retries: 4 },
    });
    expect(image.config.env).toMatchObject({ MOOD: 'good' });
    expect(lines.some((line) => line.includes('RUN echo'))).toBe(true);
    expect(execFileSync('chroot', [image.rootPath, '/bin/cat', '/greeting'], { encoding: 'utf8' })).toBe('hello');
    expectNothingLeft();
  });

  it('builds from scratch, from its own stages, from an image by digest, and no further than its target', async () => {
    const digest = (await images.inspect('acme/base:1'))?.digest;
    const path = context({
      Dockerfile: [
        'FROM acme/base@DIGEST AS first'.replace('DIGEST', digest ?? ''),
        'RUN echo made > /made',
        'FROM scratch AS second',
        'COPY --from=first /made /made',
        'COPY --from=acme/base:1 /bin/busybox /bin/busybox',
        'FROM nowhere/at-all:1 AS third',
      ].join('\n'),
    });
    const image = await builds.build(requestFor(path, { target: 'second' }));
    expect(read(image, 'made')).toBe('made\n');
    expect(existsSync(join(image.rootPath, 'bin/busybox'))).toBe(true);
    expect(existsSync(join(image.rootPath, 'bin/sh'))).toBe(false);
    await expect(builds.build(requestFor(path))).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    expectNothingLeft();
  });

  it('is built again when a file has changed, or when it should be, and else not', async () => {
    const path = context({
      Dockerfile: 'FROM acme/base:1\nARG A=0\nCOPY file /file\nRUN cat /proc/uptime > /made',
      file: '1',
    });
    const request = requestFor(path, { reference: 'again' });
    const first = await builds.build(request);
    expect((await builds.build(request)).id).toBe(first.id);
    const fresh = await builds.build({ ...request, isFresh: true });
    expect(fresh.id).not.toBe(first.id);
    writeFileSync(join(path, 'file'), '2');
    const second = await builds.build(request);
    expect(read(second, 'file')).toBe('2');
    expect(new Set([first, fresh, second].map(({ id }) => id)).size).toBe(3);
  });

  it.each([
    ['whose command fails', 'FROM acme/base:1\nRUN echo some words; exit 3', 'exit status 3'],
    ['that is not one', 'FROM acme/base:1\nNONSENSE x', 'NONSENSE'],
    ['that copies what is not there', 'FROM scratch\nCOPY none /none', 'none'],
    ['that copies from outside its folder', 'FROM scratch\nCOPY ../../images /x', 'no such file'],
  ])('%s fails with what it said, and leaves nothing', async (_, Dockerfile, words) => {
    await expect(build({ Dockerfile })).rejects.toMatchObject({
      code: 'BUILD_FAILED',
      message: expect.stringContaining(words),
    });
    expectNothingLeft();
  });

  it('that is given up ends at once with all that it started, and leaves nothing', async () => {
    const ending = new AbortController();
    const waiting = new AbortController();
    const long = 'FROM acme/base:1\nRUN (sleep 1234 &) ; echo begun ; sleep 4321';
    const onLine = (line: string): void => {
      if (line === 'begun') ending.abort(new Error('changed my mind'));
    };
    const building = build({ Dockerfile: long }, { signal: ending.signal, onLine });
    const next = build({ Dockerfile: 'FROM acme/base:1' }, { signal: waiting.signal, isFresh: true });
    waiting.abort(new Error('nor do I wait'));
    await expect(next).rejects.toThrow('nor do I wait');
    await expect(building).rejects.toThrow('changed my mind');
    expectNothingLeft();
    expect(read(await build({ Dockerfile: 'FROM scratch\nCOPY f /f', f: 'after' }), 'f')).toBe('after');
  });

  it('that takes too long is ended', async () => {
    const short = createBuilds({ folder: join(folder, 'builds'), images, env, log: silentLog, timeoutMs: 1500 });
    const path = context({ Dockerfile: 'FROM acme/base:1\nRUN sleep 4321' });
    await expect(short.build(requestFor(path))).rejects.toMatchObject({ code: 'TIMEOUT' });
    expectNothingLeft();
  });

  it('without buildah is a clear error with its mend', async () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    symlinkSync('/bin/true', join(bin, 'setpriv'));
    copyFileSync('/bin/true', join(bin, 'unshare'));
    const path = context({ Dockerfile: 'FROM scratch\nCOPY f /f', f: '' });
    const lacking = createBuilds({
      folder: join(folder, 'builds'),
      images,
      env: { PATH: bin },
      log: silentLog,
    });
    await expect(lacking.build(requestFor(path))).rejects.toMatchObject({
      code: 'MISSING_PROGRAM',
      message: expect.stringContaining('"buildah"'),
      hint: expect.stringContaining('install buildah'),
    });
    expectNothingLeft();
  });
});
