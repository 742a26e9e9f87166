import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitForText } from '../../src/engines/conformance/bench.ts';
import { program } from '../../src/engines/conformance/programs.ts';
import { declareEngineConformance, type EngineUnderTest } from '../../src/engines/conformance.ts';
import { hasProgram } from '../../src/engines/local/host/program.ts';
import { newId, type Id } from '../../src/model/ids.ts';
import type { ReadyImage } from '../../src/model/instance.ts';
import { startDaemon } from './daemon.ts';
import { onDocker, startOwnDocker } from './on-engine.ts';
import {
  begunIn,
  createUnderTest,
  dockerSubject,
  leftoversIn,
  makeBusybox,
  type DockerMeans,
} from './docker-subject.ts';
import { loadBusybox } from './door-images.ts';
import { fixtureApp } from './isolation-fixtures.ts';

const whyNot = hasProgram('dockerd') && hasProgram('docker') ? '' : ' (Docker is not installed)';

let means: DockerMeans;

describe.skipIf(whyNot !== '')(`on a Docker Engine${whyNot}`, () => {
  beforeAll(async () => {
    means = { docker: await startOwnDocker(), busybox: await makeBusybox() };
  });

  afterAll(async () => {
    await means.docker[Symbol.asyncDispose]();
    await means.busybox[Symbol.asyncDispose]();
  });

  declareEngineConformance(
    dockerSubject(() => means, {
      'output-order': 'a Docker Engine carries the streams of a command in two pipes, and nothing orders the two',
      'first-size': 'a Docker Engine before API 1.42 takes the size of a terminal only once its program runs',
    }),
  );

  it('touches nothing that another daemon or a person has made, whatever its labels say', async () => {
    const [one, other] = [await open(), await open()];
    const instance = await one.engine.start(one.spec({ argv: program('stubborn'), streams: 'logs' }));
    const { docker } = means.docker;
    const ownLabels = JSON.parse(await docker(['ps', '--format', '{{json .Labels}}'])) as string;
    const image = (await docker(['images', '--format', '{{.Repository}}:{{.Tag}}'])).trim();
    const person = ['run', '--detach', '--network', 'none', '--name', 'person', '--entrypoint', '/bin/busybox'];
    const labels = ownLabels.split(',').filter((label) => /^minke\.(owner|role|instance)=/.test(label));
    await docker([...person, ...labels.flatMap((label) => ['--label', label]), image, 'sleep', '1000']);
    expect(labels).toHaveLength(3);
    expect(await other.engine.recover()).toEqual([]);
    await other.engine.close({ purge: true });
    expect(await one.engine.inspect(instance.handle.id)).toMatchObject({ state: 'running' });
    const next = await one.reopen();
    expect((await next.recover()).map(({ handle }) => handle.id)).toEqual([instance.handle.id]);
    await next.close({ purge: true });
    expect((await docker(['ps', '--format', '{{.Names}}'])).trim()).toBe('person');
    await docker(['rm', '--force', 'person']);
    await docker(['image', 'prune', '--all', '--force']);
    expect(await one.leftovers()).toEqual([]);
    await Promise.all([one.dispose(), other.dispose()]);
  });

  it('tells the end of what a Docker Engine took with it when it was killed, and goes on with the next', async () => {
    const one = await open();
    await one.engine.networks.ensure({ app: 'conformance', names: [], listener: ({ socket }) => socket.destroy() });
    const lasting = await one.engine.start(one.spec({ argv: program('stubborn'), streams: 'logs', network: 'app' }));
    const brief = await one.engine.start(one.spec({ argv: program('stubborn') }));
    await waitForText(brief.stdout, 'ready');
    await means.docker.restart('SIGKILL');
    const exits = await Promise.all([lasting.exited, brief.exited]);
    expect(exits.map(({ code }) => code > 0)).toEqual([true, true]);
    expect(await one.engine.inspect(lasting.handle.id)).toMatchObject({ state: 'ended', exit: exits[0] });
    const next = await one.engine.start(one.spec({ argv: program('print', 'next', ''), network: 'app' }));
    expect(next.stdout && (await text(next.stdout))).toBe('next');
    await next.exited;
    await one.engine.close({ purge: true });
    expect(await one.leftovers()).toEqual([]);
    await one.dispose();
  });

  it('ends what writes more than is kept of a result, and keeps that', async () => {
    const one = await open();
    const limits = { memoryBytes: 0, pids: 64, cpus: 0, resultBytes: 32 };
    const { handle, exited } = await one.engine.start(
      one.spec({ argv: program('flood', String(2 ** 20)), streams: 'logs', kind: 'task', limits }),
    );
    expect(await exited).toMatchObject({ cause: 'result-limit' });
    let kept = '';
    for await (const { bytes } of one.engine.logs.read(handle.id, { streams: ['stdout'], isWhole: true }))
      kept += bytes.toString();
    expect(kept).toBe('0123456789abcde\n'.repeat(2));
    await one.engine.close({ purge: true });
    await one.dispose();
  });

  it('serves an app and takes it up again after kill -9: services here, functions on the sandbox unless the app says otherwise', async () => {
    const daemon = await startDaemon({ environment: onDocker(means.docker) });
    await loadBusybox(daemon, ['busybox']);
    const cwd = dirname(fixtureApp('cli'));
    expect(await daemon.cli(['up', '-d', '--engine', 'docker'], { cwd })).toMatchObject({ code: 0 });
    const said = async (path: string): Promise<string> => (await fetch(`${daemon.gateway}${path}`)).text();
    expect(await said('/page/deep')).toBe('{"path":"/deep","sent":null}');
    expect(await said('/web/index.html')).toBe('whale\n');
    const line = 'echo out; echo err >&2; exit 7';
    const run = await daemon.cli(['run', '--app', 'cli', 'shell', '-c', line]);
    expect(run).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' });
    const webId = async (): Promise<string> => (await daemon.cli(['ps', '--format', 'json'])).stdout;
    const before = /"id":"\w+"/.exec(await webId())?.[0];
    await daemon.end('SIGKILL');
    const other = await daemon.cli(['serve', '--engine', 'sandbox', '--gateway', '127.0.0.1:0']);
    expect(other.stderr).toContain('Instances live here on the engine "docker"');
    await daemon.restart();
    expect(/"id":"\w+"/.exec(await webId())?.[0]).toBe(before);
    const useAll = async (): Promise<void> => {
      expect(await said('/page')).toBe('{"path":"","sent":null}');
      expect(await daemon.cli(['run', '--app', 'cli', 'shell', '-c', 'echo out'])).toMatchObject({ stdout: 'out\n' });
      expect(await said('/web/index.html')).toBe('whale\n');
    };
    expect(await begunIn(means.docker, useAll)).toEqual([]);
    await daemon.up(fixtureApp('cli'), { over: [fixtureApp('on-docker')] });
    expect(await begunIn(means.docker, useAll)).toEqual(['page', 'shell']);
    expect(await daemon.purge()).toEqual([]);
    expect(await leftoversIn(means.docker, daemon.dataFolder)).toEqual([]);
  });

  it('loads an image again that somebody has taken out of the Docker Engine', async () => {
    const one = await open();
    await one.engine.networks.ensure({ app: 'conformance', names: [], listener: ({ socket }) => socket.destroy() });
    const sayIt = async (): Promise<string | undefined> => {
      const instance = await one.engine.start(one.spec({ argv: program('print', 'here', ''), network: 'app' }));
      const said = instance.stdout && (await text(instance.stdout));
      await instance.exited;
      return said;
    };
    expect(await sayIt()).toBe('here');
    await means.docker.docker(['image', 'prune', '--all', '--force']);
    expect(await sayIt()).toBe('here');
    await one.engine.close({ purge: true });
    await one.dispose();
  });

  it('makes a kept root one layer before its layers are too many, and tells what is in it as before', async () => {
    const [one, root] = [await open({ mostLayers: 2 }), newId()];
    const layers: string[] = [];
    for (const life of ['1', '2', '3']) {
      const said = await live(one, root, `rm -f /bin/true; echo ${life} >> /lives; cat /lives`);
      expect(said).toBe(['1\n', '2\n', '3\n'].slice(0, Number(life)).join(''));
      layers.push(await layersOf(root));
    }
    expect(layers).toEqual(['', '2', '1']);
    expect(await one.engine.roots?.changes(root, one.spec({ argv: [] }).image)).toEqual([
      { path: '/bin', kind: 'modified' },
      { path: '/bin/true', kind: 'deleted' },
      { path: '/lives', kind: 'added' },
    ]);
    await end(one);
  });

  it('keeps what is in the volumes that an image declares as long as the root, across the end of the daemon', async () => {
    const [one, root] = [await open(), newId()];
    const { image } = one.spec({ argv: [] });
    const declaring = { ...image, config: { ...image.config, volumes: ['/declared'] } };
    const write = 'echo x >> /declared/file; cat /declared/file';
    expect(await live(one, root, write, declaring)).toBe('x\n');
    const next = { ...one, engine: await one.reopen() };
    await next.engine.recover();
    expect(await live(next, root, write, declaring)).toBe('x\nx\n');
    await next.engine.roots?.remove(root);
    expect((await next.leftovers()).filter((line) => line.includes(root))).toEqual([]);
    await end(next);
  });

  it('takes out what a daemon left that was killed while a root passed to its next life, and goes on with the root', async () => {
    const [one, root, gone] = [await open(), newId(), newId()];
    await live(one, root, 'echo kept > /kept');
    const { docker } = means.docker;
    const { engine, mine } = await afterKill(one, async () => {
      const name = (await docker(['ps', '--all', '--format', '{{.Names}}'])).trim();
      const [prefix = ''] = name.split(`-${root}`);
      const labels = (of: string) => [`minke.owner=${prefix.slice('minke-'.length)}`, `minke.root=${of}`];
      const labelled = (of: string) => [...labels(of), 'minke.root-life=9e15'].flatMap((label) => ['--label', label]);
      const next = `${prefix}:${root}-9000000000000000`;
      await docker(['commit', name, next]);
      await docker(['create', '--name', `${prefix}-${newId()}`, ...labelled(root), next]);
      await docker(['volume', 'create', ...labelled(gone), `${prefix}-${gone}-volume-0`]);
      return [name, `${prefix}-${gone}-volume-0`, next];
    });
    expect(await engine.roots?.list()).toEqual([root]);
    const left = (await one.leftovers()).join('\n');
    expect(mine.map((name) => left.includes(name))).toEqual([true, false, false]);
    expect(await live({ ...one, engine }, root, 'cat /kept')).toBe('kept\n');
    await end({ ...one, engine });
  });
});

/** What a life of a root says. */
async function live(one: EngineUnderTest, root: Id, script: string, image?: ReadyImage): Promise<string> {
  const argv = ['/bin/sh', '-c', script];
  const instance = await one.engine.start(
    one.spec({ argv, readOnlyRoot: false, root, ...(image === undefined ? {} : { image }) }),
  );
  const said = instance.stdout === undefined ? '' : await text(instance.stdout);
  await instance.exited;
  return said;
}

/** Of the images that were made for a root: one at most. */
async function layersOf(root: Id): Promise<string> {
  const { docker } = means.docker;
  const images = (await docker(['images', '--format', '{{.Repository}}:{{.Tag}}'])).split('\n');
  const own = images.filter((name) => name.includes(root));
  if (own.length === 0) return '';
  return (await docker(['image', 'inspect', '--format', '{{len .RootFS.Layers}}', ...own])).trim();
}

async function afterKill(one: EngineUnderTest, whileDown: () => Promise<readonly string[]>) {
  let mine: readonly string[] = [];
  const engine = await one.reopen(async () => void (mine = await whileDown()));
  await engine.recover();
  return { engine, mine };
}

async function end(one: EngineUnderTest): Promise<void> {
  await one.engine.close({ purge: true });
  expect(await one.leftovers()).toEqual([]);
  await one.dispose();
}

async function open(options: Parameters<typeof createUnderTest>[1] = {}): Promise<EngineUnderTest> {
  const underTest = await createUnderTest(means, options);
  await underTest.engine.recover();
  return underTest;
}
