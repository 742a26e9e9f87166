import type { InstanceLimits, InstanceMount, InstanceSpec } from '../../model/instance.ts';
import { capabilitiesOf } from '../local/capabilities.ts';
import { oomScoreOf } from '../local/oom-score.ts';

/** What a spec does not say: what the engine made for this instance. */
export interface ContainerFacts {
  /** The image's name in the Docker Engine. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Name of the container whose network namespace it is in; undefined = a new, empty one. */
  readonly holder: string | undefined;
  /** Of the engine's, as it mounts them. */
  readonly volumes: readonly object[];
  /** A cgroup that has its limits; undefined = they are the engine's to set. */
  readonly cgroup: string | undefined;
  /** Host files, by their path in it. */
  readonly files: Readonly<Record<string, string>>;
  /** Host files shown in /etc, by their path in it. */
  readonly etcFiles: Readonly<Record<string, string>>;
}

/**
 * The body of a container's creation (Docker Engine API 1.41, ContainerCreate). Everything in a spec is said here; what is not
 * said is as the engine has it: seccomp profile, masked paths, devices.
 */
export function containerConfig(spec: InstanceSpec, facts: ContainerFacts): object {
  const { settings = {} } = spec;
  const isOpen = spec.stdin === 'open';
  return {
    Image: facts.image,
    Entrypoint: spec.argv,
    Cmd: [],
    Env: Object.entries(spec.env).map(([key, value]) => `${key}=${value}`),
    WorkingDir: spec.workdir === '' ? '/' : spec.workdir,
    // Empty would be the image's.
    User: spec.user === '' ? '0' : spec.user,
    // The host name belongs to the holder's namespace, and may not be said twice.
    ...(facts.holder === undefined ? { Hostname: spec.hostname, Domainname: settings.domainname ?? '' } : {}),
    Labels: facts.labels,
    // It is asked for its health by commands.
    Healthcheck: { Test: ['NONE'] },
    AttachStdin: isOpen,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: isOpen,
    StdinOnce: isOpen,
    Tty: spec.terminal !== undefined,
    HostConfig: hostConfig(spec, facts),
  };
}

/**
 * The engine takes these keys of a terminal for itself, and cannot be told to take none: so nobody types them. What may be their
 * beginning waits for the next key, so that is one which shows nothing.
 */
export const detachKeys = Array.from({ length: 4 }, () => 'ctrl-@,ctrl-^').join(',');

function hostConfig(spec: InstanceSpec, facts: ContainerFacts): object {
  const { settings = {} } = spec;
  return {
    NetworkMode: facts.holder === undefined ? 'none' : `container:${facts.holder}`,
    ReadonlyRootfs: spec.readOnlyRoot,
    Mounts: [...mountsOf(spec), ...filesOf(spec, facts), ...facts.volumes],
    Tmpfs: tmpfsOf(spec),
    Privileged: spec.privileged,
    ...(spec.privileged ? {} : { CapDrop: ['ALL'], CapAdd: capabilitiesOf(spec), SecurityOpt: ['no-new-privileges'] }),
    PidMode: spec.pidNamespace === 'host' ? 'host' : '',
    IpcMode: 'private',
    CgroupnsMode: 'private',
    ...(settings.shmBytes === undefined ? {} : { ShmSize: settings.shmBytes }),
    Sysctls: settings.sysctls ?? {},
    Ulimits: Object.entries(settings.ulimits ?? {}).map(([Name, { soft, hard }]) => ({ Name, Soft: soft, Hard: hard })),
    GroupAdd: settings.groups ?? [],
    OomScoreAdj: oomScoreOf(spec),
    CpusetCpus: settings.cpuset ?? '',
    Init: false,
    ...(spec.terminal === undefined ? {} : { ConsoleSize: [spec.terminal.rows, spec.terminal.columns] }),
    RestartPolicy: { Name: 'no' },
    LogConfig: logConfig(spec),
    ...(facts.cgroup === undefined ? limitsOf(spec.limits) : { CgroupParent: facts.cgroup }),
  };
}

/** No swap on top; 0 is none in the engine too, but for processes, where it is -1. */
export function limitsOf(limits: InstanceLimits): object {
  return {
    Memory: limits.memoryBytes,
    MemorySwap: limits.memoryBytes,
    MemoryReservation: limits.memoryReservationBytes ?? 0,
    PidsLimit: limits.pids === 0 ? -1 : limits.pids,
    NanoCpus: Math.round(limits.cpus * 1e9),
    CpuShares: limits.cpuShares ?? 0,
  };
}

/**
 * `local` keeps bytes as they came, which `json-file` does not. Of a log the newest is kept; a result is kept from its first byte
 * on, so nothing of it may be rotated away.
 */
function logConfig({ streams, limits }: InstanceSpec): object {
  if (streams === 'pipes') return { Type: 'none' };
  const [segment, whole] = ['64m', '1t'];
  if (limits.resultBytes !== undefined)
    return { Type: 'local', Config: { 'max-size': whole, 'max-file': '1', compress: 'false' } };
  return { Type: 'local', Config: { 'max-size': segment, 'max-file': String(keptSegments) } };
}

export const keptSegments = 3;
export const segmentBytes = 64 * 2 ** 20;

function mountsOf({ mounts }: InstanceSpec): object[] {
  return mounts.flatMap((mount) => (mount.type === 'bind' ? [bind(mount.source, mount.target, mount.readOnly)] : []));
}

function filesOf({ readOnlyRoot, mounts }: InstanceSpec, { files, etcFiles }: ContainerFacts): object[] {
  const isFree = ([target]: readonly [string, string]): boolean => !mounts.some((mount) => mount.target === target);
  return [
    ...Object.entries(files).map(([target, source]) => bind(source, target, true)),
    // Files of the host: where they may be written, they grow at the host's expense.
    ...Object.entries(etcFiles)
      .filter(isFree)
      .map(([target, source]) => bind(source, target, readOnlyRoot)),
  ];
}

const bind = (source: string, target: string, isReadOnly: boolean): object => ({
  Type: 'bind',
  Source: source,
  Target: target,
  ReadOnly: isReadOnly,
  BindOptions: { Propagation: 'rprivate' },
});

/** The engine would add `noexec`, which our other engine does not have. */
function tmpfsOf({ tmpBytes, mounts }: InstanceSpec): Readonly<Record<string, string>> {
  const all = [...(tmpBytes > 0 ? [{ type: 'tmpfs', target: '/tmp', sizeBytes: tmpBytes } as const] : []), ...mounts];
  return Object.fromEntries(
    all.flatMap((mount) => (mount.type === 'tmpfs' ? [[mount.target, tmpfsOptions(mount)] as const] : [])),
  );
}

function tmpfsOptions({ sizeBytes, options = [] }: Extract<InstanceMount, { readonly type: 'tmpfs' }>): string {
  const size = sizeBytes > 0 ? [`size=${sizeBytes}`] : [];
  return ['rw', 'exec', 'nosuid', 'nodev', 'mode=1777', ...options, ...size].join(',');
}
