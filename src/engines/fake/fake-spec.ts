import { newId } from '../../model/ids.ts';
import type { InstanceSpec } from '../../model/instance.ts';

/** A spec for the fake engine, for tests: everything has a default. */
export function fakeSpec(overrides: Partial<InstanceSpec> = {}): InstanceSpec {
  return {
    id: newId(),
    app: 'app',
    name: 'name',
    kind: 'cgi',
    labels: {},
    image: {
      id: `sha256:${'0'.repeat(64)}`,
      reference: 'fake',
      rootPath: '/',
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
    argv: ['/fake'],
    env: {},
    workdir: '/',
    user: '',
    hostname: 'fake',
    readOnlyRoot: true,
    tmpBytes: 0,
    mounts: [],
    limits: { memoryBytes: 0, pids: 0, cpus: 0 },
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
