import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { EngineSubject, EngineUnderTest } from '../../src/engines/conformance.ts';
import { connectDocker } from '../../src/engines/docker/api/client.ts';
import { createDocker, type DockerOptions } from '../../src/engines/docker/docker.ts';
import { placesFor } from '../../src/engines/docker/places.ts';
import type { Engine } from '../../src/engines/engine.ts';
import { createImageStore } from '../../src/image/store.ts';
import type { ReadyImage } from '../../src/model/instance.ts';
import { systemClock } from '../../src/observe/clock.ts';
import { createLog } from '../../src/observe/log.ts';
import type { DockerEngine } from '../../scripts/bench/docker-engine.ts';
import { makeBusyboxRoot } from './busybox-root.ts';
import { cgroupFolders, mountsNaming, processesNaming } from './leftovers.ts';
import { busyboxSpec } from './sandbox-subject.ts';

/** The image that instances are of, and the store that it is loaded from. */
export interface Busybox {
  readonly image: ReadyImage;
  readonly archiveOf: Parameters<typeof createDocker>[0]['archiveOf'];
  [Symbol.asyncDispose](): Promise<void>;
}

export async function makeBusybox(): Promise<Busybox> {
  const folder = mkdtempSync(join(tmpdir(), 'minke-busybox-'));
  const root = join(folder, 'root');
  makeBusyboxRoot(root);
  const log = createLog(() => undefined);
  const store = createImageStore({ folder: join(folder, 'images'), nodePath: process.execPath, log });
  const image = await store.importRoot('busybox', root);
  return {
    image,
    archiveOf: async ({ id }, name) => await store.save(id, [name]),
    [Symbol.asyncDispose]: async () => {
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
}

export interface DockerMeans {
  readonly docker: DockerEngine;
  readonly busybox: Busybox;
}

/** The Docker engine on a Docker Engine of the tests' own, made ready for the suite that judges every engine. */
export const dockerSubject = (means: () => DockerMeans, skips: EngineSubject['skips'] = {}): EngineSubject => ({
  name: 'docker',
  skips,
  create: async () => await createUnderTest(means()),
});

export async function createUnderTest(
  { docker, busybox }: DockerMeans,
  options: Pick<DockerOptions, 'mostLayers'> = {},
): Promise<EngineUnderTest> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'minke-docker-'));
  const log = createLog((line) => void process.stderr.write(line), 'warn');
  const { archiveOf, image } = busybox;
  const open = async (): Promise<Engine> =>
    await createDocker({ dataFolder, socketPath: docker.socket, archiveOf, clock: systemClock, log, ...options });
  let engine = await open();
  return {
    engine,
    reopen: async (whileDown) => {
      await engine.close({ purge: false });
      await whileDown?.();
      engine = await open();
      return engine;
    },
    spec: (overrides) => busyboxSpec(image.rootPath, { image, ...overrides }),
    leftovers: async () => await leftoversIn(docker, dataFolder),
    dispose: async () => rmSync(dataFolder, { recursive: true }),
  };
}

/** All there is in the Docker Engine, and what carries the daemon's name on the host and in its folders. */
export async function leftoversIn({ socket }: DockerEngine, dataFolder: string): Promise<string[]> {
  const { home } = placesFor(dataFolder);
  const mark = basename(home);
  const client = await connectDocker(socket);
  const list = async (path: string): Promise<readonly Listed[]> => {
    const found = await client.call<readonly Listed[] | { readonly Volumes: readonly Listed[] | null }>({
      method: 'GET',
      path,
      query: { all: '1' },
    });
    return 'Volumes' in found ? (found.Volumes ?? []) : found;
  };
  const lists = await Promise.all(['/containers/json', '/images/json', '/volumes', '/networks'].map(list));
  return [
    ...lists
      .flat()
      .flatMap(({ Names, RepoTags, Name }) => Names ?? RepoTags ?? Name ?? [])
      .filter((name) => !['none', 'host'].includes(name)),
    ...[home, ...filesIn(home)].filter((path) => existsSync(path)),
    ...filesIn(dataFolder),
    ...mountsNaming(mark),
    ...cgroupFolders().filter((folder) => folder.includes(mark)),
    ...processesNaming(mark),
  ];
}

/** Names of what began in the Docker Engine while something was done: services and functions, each once. */
export async function begunIn({ docker }: DockerEngine, work: () => Promise<void>): Promise<readonly string[]> {
  const since = String(Date.now() / 1000);
  await work();
  const window = ['--since', since, '--until', String(Date.now() / 1000), '--filter', 'event=start'];
  const lines = await docker(['events', ...window, '--format', '{{index .Actor.Attributes "minke.name"}}']);
  return [...new Set(lines.split('\n').filter((line) => line !== ''))].toSorted();
}

interface Listed {
  readonly Names?: readonly string[];
  readonly RepoTags?: readonly string[] | null;
  readonly Name?: string;
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true }).map((entry) => join(folder, String(entry)));
  } catch {
    return [];
  }
}
