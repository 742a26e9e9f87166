import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineSubject, SpecOverrides } from '../../src/engines/conformance.ts';
import { createSandbox } from '../../src/engines/sandbox/sandbox.ts';
import { placesFor } from '../../src/engines/sandbox/places.ts';
import { newId, shortId } from '../../src/model/ids.ts';
import type { InstanceSpec } from '../../src/model/instance.ts';
import { systemClock } from '../../src/observe/clock.ts';
import { createLog } from '../../src/observe/log.ts';
import { makeBusyboxRoot } from './busybox-root.ts';

/** The sandbox, made ready for the suite that judges every engine. */
export const sandboxSubject: EngineSubject = {
  name: 'sandbox',
  create: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'minke-sandbox-'));
    const rootPath = join(folder, 'image');
    makeBusyboxRoot(rootPath);
    const dataFolder = join(folder, 'data');
    const log = createLog((line) => void process.stderr.write(line), 'warn');
    const open = async () => await createSandbox({ dataFolder, clock: systemClock, log });
    let engine = await open();
    return {
      engine,
      reopen: async (whileDown) => {
        await engine.close({ purge: false });
        await whileDown?.();
        engine = await open();
        return engine;
      },
      spec: (overrides) => busyboxSpec(rootPath, overrides),
      leftovers: async () => leftoversOf(dataFolder),
      dispose: async () => rmSync(folder, { recursive: true }),
    };
  },
};

export function busyboxSpec(rootPath: string, overrides: SpecOverrides): InstanceSpec {
  const id = overrides.id ?? newId();
  return {
    id,
    app: 'conformance',
    name: 'name',
    kind: 'container',
    labels: {},
    image: {
      id: 'sha256:0',
      reference: 'busybox',
      rootPath,
      config: { entrypoint: [], command: [], env: {}, workdir: '/', user: '', exposedPorts: [], labels: {}, volumes: [] },
    },
    env: {},
    workdir: '/',
    user: '',
    hostname: shortId(id),
    readOnlyRoot: true,
    tmpBytes: 64 * 1024 * 1024,
    mounts: [],
    limits: { memoryBytes: 512 * 1024 * 1024, pids: 256, cpus: 0 },
    privileged: false,
    capAdd: [],
    capDrop: [],
    pidNamespace: 'own',
    network: 'none',
    outbound: 'none',
    streams: 'pipes',
    stdin: 'none',
    ...overrides,
  };
}

/** Everything on the host that carries the daemon's name, or lies in its folders. */
export function leftoversOf(dataFolder: string): string[] {
  const places = placesFor(dataFolder);
  const mark = `minke-${places.daemonId}`;
  const folders = [places.run, places.logs, places.writable].filter((folder) => existsSync(folder));
  return [
    ...folders.flatMap((folder) => [folder, ...readdirSync(folder, { recursive: true }).map((entry) => join(folder, String(entry)))]),
    ...lines('/proc/self/mounts').filter((line) => line.includes(mark)),
    ...cgroupFolders().filter((folder) => folder.includes(mark)),
    ...processLines().filter((line) => line.includes(mark) && !line.startsWith(`${process.pid} `)),
  ];
}

function cgroupFolders(): string[] {
  return readdirSync('/sys/fs/cgroup').flatMap((controller) => {
    const root = join('/sys/fs/cgroup', controller);
    try {
      return readdirSync(root, { recursive: true, withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? [join(entry.parentPath, entry.name)] : [],
      );
    } catch {
      return [];
    }
  });
}

function processLines(): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => {
      try {
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`];
      } catch {
        return [];
      }
    });
}

const lines = (file: string): string[] => readFileSync(file, 'utf8').split('\n');
