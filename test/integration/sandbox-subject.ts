import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineSubject, EngineUnderTest, SpecOverrides } from '../../src/engines/conformance.ts';
import type { Engine } from '../../src/engines/engine.ts';
import type { RuntimeName } from '../../src/engines/sandbox/runtime/runtime.ts';
import { createSandbox } from '../../src/engines/sandbox/sandbox.ts';
import { newId, shortId } from '../../src/model/ids.ts';
import type { InstanceSpec } from '../../src/model/instance.ts';
import { systemClock } from '../../src/observe/clock.ts';
import { createLog } from '../../src/observe/log.ts';
import { makeBusyboxRoot } from './busybox-root.ts';
import { leftoversOf } from './leftovers.ts';

interface SandboxSubject extends EngineSubject {
  create(): Promise<SandboxUnderTest>;
}

interface SandboxUnderTest extends EngineUnderTest {
  /** The next life may have another runtime. */
  reopen(whileDown?: () => Promise<void>, next?: RuntimeName): Promise<Engine>;
}

/** The sandbox with one of its runtimes, made ready for the suite that judges every engine. */
export const sandboxSubject = (runtime: RuntimeName, skips: EngineSubject['skips'] = {}): SandboxSubject => ({
  name: `sandbox, ${runtime}`,
  skips,
  create: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'minke-sandbox-'));
    const rootPath = join(folder, 'image');
    makeBusyboxRoot(rootPath);
    const dataFolder = join(folder, 'data');
    const log = createLog((line) => void process.stderr.write(line), 'warn');
    const open = async (name: RuntimeName) =>
      await createSandbox({ dataFolder, clock: systemClock, log, runtime: name });
    let engine = await open(runtime);
    return {
      engine,
      reopen: async (whileDown, next = runtime) => {
        await engine.close({ purge: false });
        await whileDown?.();
        engine = await open(next);
        return engine;
      },
      spec: (overrides) => busyboxSpec(rootPath, overrides),
      leftovers: async () => leftoversOf(dataFolder),
      dispose: async () => rmSync(folder, { recursive: true }),
    };
  },
});

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
      config: {
        entrypoint: [],
        command: [],
        env: {},
        workdir: '/',
        user: '',
        exposedPorts: [],
        labels: {},
        volumes: [],
      },
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
