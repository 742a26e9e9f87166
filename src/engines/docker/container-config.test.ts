import { describe, expect, it } from 'vitest';
import type { InstanceSpec } from '../../model/instance.ts';
import { containerConfig, type ContainerFacts } from './container-config.ts';

const facts: ContainerFacts = {
  image: 'minke-1:2',
  labels: {},
  volumes: [],
  holder: undefined,
  cgroup: '/minke-1-docker/alone/2',
  files: {},
  etcFiles: { '/etc/hosts': '/run/hosts' },
};

const spec: InstanceSpec = {
  id: 'a'.repeat(64),
  app: 'app',
  name: 'name',
  kind: 'service',
  labels: {},
  image: {
    id: 'sha256:2',
    reference: 'image',
    rootPath: '/',
    config: { entrypoint: [], command: [], env: {}, workdir: '', user: '', exposedPorts: [], labels: {}, volumes: [] },
  },
  argv: ['/program', 'argument'],
  env: { KEY: 'a=b' },
  workdir: '',
  user: '',
  hostname: 'host',
  readOnlyRoot: true,
  tmpBytes: 1024,
  mounts: [],
  limits: { memoryBytes: 2 ** 25, pids: 0, cpus: 0.5 },
  privileged: false,
  capAdd: ['NET_ADMIN'],
  capDrop: ['CHOWN'],
  pidNamespace: 'own',
  network: 'none',
  outbound: 'none',
  streams: 'logs',
  stdin: 'none',
};

interface Config {
  readonly [key: string]: unknown;
  readonly HostConfig: Readonly<Record<string, unknown>>;
}

const configOf = (more: Partial<InstanceSpec> = {}, found: Partial<ContainerFacts> = {}): Config =>
  containerConfig({ ...spec, ...more }, { ...facts, ...found }) as Config;

describe('the container of an instance', () => {
  it('runs the program of the spec as the user of the spec, whatever its image says of either and of health', () => {
    expect(configOf()).toMatchObject({
      Entrypoint: ['/program', 'argument'],
      Cmd: [],
      Env: ['KEY=a=b'],
      User: '0',
      WorkingDir: '/',
      Healthcheck: { Test: ['NONE'] },
    });
  });

  it('has the capabilities of the spec and no others, and gains none', () => {
    const { HostConfig } = configOf();
    expect(HostConfig).toMatchObject({ CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'], Privileged: false });
    expect(HostConfig.CapAdd).toContain('CAP_NET_ADMIN');
    expect(HostConfig.CapAdd).not.toContain('CAP_CHOWN');
    expect(HostConfig.CapAdd).not.toContain('CAP_MKNOD');
    expect(configOf({ privileged: true }).HostConfig).toMatchObject({ Privileged: true });
    expect(configOf({ privileged: true }).HostConfig).not.toHaveProperty('CapDrop');
  });

  it('has its limits from a cgroup of ours, or from the engine where it takes none', () => {
    expect(configOf().HostConfig).toMatchObject({ CgroupParent: '/minke-1-docker/alone/2' });
    expect(configOf().HostConfig).not.toHaveProperty('Memory');
    const own = configOf({}, { cgroup: undefined }).HostConfig;
    expect(own).toMatchObject({ Memory: 2 ** 25, MemorySwap: 2 ** 25, PidsLimit: -1, NanoCpus: 5e8 });
    expect(own).not.toHaveProperty('CgroupParent');
  });

  it('shares the network and the host name of its holder, and says neither twice', () => {
    expect(configOf()).toMatchObject({ Hostname: 'host', HostConfig: { NetworkMode: 'none' } });
    const held = configOf({ network: 'app' }, { holder: 'holder' });
    expect(held).toMatchObject({ HostConfig: { NetworkMode: 'container:holder' } });
    expect(held).not.toHaveProperty('Hostname');
  });

  it('lets programs run from a tmpfs, and lets what the file mounts go before ours', () => {
    const mounts = [{ type: 'bind', source: '/mine', target: '/etc/hosts', readOnly: false }] as const;
    const { Tmpfs, Mounts } = configOf({ mounts }).HostConfig;
    expect(Tmpfs).toEqual({ '/tmp': 'rw,exec,nosuid,nodev,mode=1777,size=1024' });
    expect(Mounts).toEqual([
      {
        Type: 'bind',
        Source: '/mine',
        Target: '/etc/hosts',
        ReadOnly: false,
        BindOptions: { Propagation: 'rprivate' },
      },
    ]);
  });

  it('keeps a result whole, the newest of a log, and nothing of what goes through pipes', () => {
    const limits = { ...spec.limits, resultBytes: 10 };
    const logOf = (more: Partial<InstanceSpec>): unknown => configOf(more).HostConfig.LogConfig;
    expect(logOf({})).toEqual({ Type: 'local', Config: { 'max-size': '64m', 'max-file': '3' } });
    expect(logOf({ limits })).toMatchObject({ Type: 'local', Config: { 'max-file': '1' } });
    expect(logOf({ limits, streams: 'pipes' })).toEqual({ Type: 'none' });
  });
});
