import { isObject, type Json } from './json.ts';

/**
 * Every field of the body of `POST /containers/create`, and what becomes of it. Whoever reads a body of Docker's only in
 * part is either unsafe or lies; so a field that is not here is refused, and one that is here has one of these uses:
 *
 * | use       | operator's door                          | function's door                            |
 * | asked     | works                                    | works                                      |
 * | written   | works                                    | minke writes its own over it               |
 * | operator  | works                                    | refused with 403 and the field's name      |
 * | harmless  | changes nothing here, for this reason    | the same                                   |
 * | refused   | 501 with the field's name and the reason | 403 with the field's name and the reason   |
 *
 * A neutral value (null, false, 0, empty, or as `isNeutral` says) asks for nothing: clients send most fields always.
 */
export interface CreateField {
  readonly use: 'asked' | 'written' | 'operator' | 'harmless' | 'refused';
  readonly reason: string;
  readonly isNeutral?: (value: Json, siblings: Readonly<Record<string, Json | undefined>>) => boolean;
  /** Fields of the object that is its value, or of each object in the list that is its value. */
  readonly fields?: CreateFields;
}

export type CreateFields = Readonly<Record<string, CreateField>>;

export const asked: CreateField = { use: 'asked', reason: '' };
const written = (what: string): CreateField => ({
  use: 'written',
  reason: `${what} of a function's container is written by minke`,
});
const operator = (reason: string, more: Partial<CreateField> = {}): CreateField => ({
  use: 'operator',
  reason,
  ...more,
});
export const harmless = (reason: string): CreateField => ({ use: 'harmless', reason });
export const refused = (reason: string, more: Partial<CreateField> = {}): CreateField => ({
  use: 'refused',
  reason,
  ...more,
});
/** Neutral besides the zero values. */
const or = (...values: readonly Json[]) => ({ isNeutral: (value: Json) => isZero(value) || values.includes(value) });

export const isZero = (value: Json | undefined): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  value === 0 ||
  value === '' ||
  (Array.isArray(value) && value.every((one) => one === 0)) ||
  (isObject(value) && Object.keys(value).length === 0);

const windows = refused('it is for Windows');
const throttle = refused('the speed of disks is not limited here');
const ownResolver = refused("names are answered by the resolver of the app's network");

const mountFields: CreateFields = {
  Type: asked,
  Source: asked,
  Target: asked,
  ReadOnly: asked,
  Consistency: harmless('it is for Docker Desktop'),
  BindOptions: refused('only plain bind mounts are made', { isNeutral: allZero }),
  VolumeOptions: refused('only plain volumes are made', { isNeutral: allZero }),
  TmpfsOptions: {
    ...asked,
    fields: {
      SizeBytes: asked,
      Mode: refused('the mode of a tmpfs is 1777'),
      Options: refused('a tmpfs takes a size only'),
    },
  },
  ImageOptions: refused('images are not mounted'),
  ClusterOptions: refused('there are no cluster volumes'),
};

const hostConfigFields: CreateFields = {
  Binds: operator('it would show files of the host to the container'),
  Mounts: operator('it would show files of the host to the container', { fields: mountFields }),
  Tmpfs: operator('its file systems are those of the app file'),
  ContainerIDFile: harmless('the client writes it'),
  LogConfig: refused('output is recorded by minke; there are no log drivers', { isNeutral: isOwnLog }),
  NetworkMode: {
    ...written('the network'),
    isNeutral: (value) => isZero(value) || value === 'default' || value === 'bridge',
  },
  PortBindings: operator('a route of the app file leads to a function'),
  RestartPolicy: operator('a container of a function is a run, and a run happens once', { isNeutral: isNoRestart }),
  AutoRemove: asked,
  VolumeDriver: refused('there are no volume drivers', or('local')),
  VolumesFrom: refused('it would give one container the files of another'),
  ConsoleSize: harmless("the size of the terminal is the client's"),
  Annotations: refused('they steer the OCI runtime'),
  CapAdd: operator('it would give the container more than a function may do'),
  CapDrop: asked,
  CgroupnsMode: refused('a container has a cgroup namespace of its own', or('private')),
  Dns: ownResolver,
  DnsOptions: ownResolver,
  DnsSearch: ownResolver,
  ExtraHosts: operator('its names are those of its app'),
  GroupAdd: operator('a function has the groups of its user'),
  IpcMode: refused('a container has an IPC namespace of its own', or('private')),
  Cgroup: refused('a container has a cgroup of its own'),
  Links: refused("in the app's network every service has its name already"),
  OomScoreAdj: refused('the kernel decides by memory alone'),
  PidMode: operator("a function's container sees only its own processes", or('private')),
  Privileged: operator("it would give the container the rights of the host's root"),
  PublishAllPorts: operator('a route of the app file leads to a function'),
  ReadonlyRootfs: asked,
  SecurityOpt: operator('seccomp, capabilities and no-new-privileges are set by minke'),
  StorageOpt: refused('there are no storage drivers'),
  Sysctls: refused('the kernel is shared'),
  Runtime: refused('minke starts containers with the runtime of its engine'),
  Isolation: refused('it is for Windows', or('default')),
  ShmSize: operator('/dev/shm of a function is as its app file says', or(64 * 1024 * 1024)),
  UTSMode: refused('a container has a host name of its own', or('private')),
  UsernsMode: refused('a container has a user namespace only where minke makes one', or('private')),
  CpuShares: refused('use NanoCpus', or(1024)),
  Memory: written('the memory limit'),
  NanoCpus: written('the processor limit'),
  CgroupParent: refused("containers lie in minke's part of the cgroup tree"),
  BlkioWeight: throttle,
  BlkioWeightDevice: throttle,
  BlkioDeviceReadBps: throttle,
  BlkioDeviceWriteBps: throttle,
  BlkioDeviceReadIOps: throttle,
  BlkioDeviceWriteIOps: throttle,
  CpuPeriod: written('the processor limit'),
  CpuQuota: written('the processor limit'),
  CpuRealtimePeriod: refused('use NanoCpus'),
  CpuRealtimeRuntime: refused('use NanoCpus'),
  CpusetCpus: refused('use NanoCpus'),
  CpusetMems: refused('memory nodes are not chosen'),
  Devices: refused('a container has no device of the host'),
  DeviceCgroupRules: refused('a container has no device of the host'),
  DeviceRequests: refused('a container has no device of the host'),
  KernelMemory: refused('use Memory'),
  KernelMemoryTCP: refused('use Memory'),
  MemoryReservation: refused('use Memory'),
  MemorySwap: refused('swap is not given on top of Memory', {
    isNeutral: (value, siblings) => isZero(value) || value === siblings['Memory'],
  }),
  MemorySwappiness: refused('swap is not given', or(-1)),
  OomKillDisable: refused('a container that wants too much memory is ended'),
  Init: refused("the first process is the container's own"),
  PidsLimit: { ...written('the limit of processes'), isNeutral: (value) => isZero(value) || value === -1 },
  Ulimits: operator('the limits of a function are those of its app file'),
  CpuCount: windows,
  CpuPercent: windows,
  IOMaximumIOps: windows,
  IOMaximumBandwidth: windows,
  // An empty list asks for everything to be unmasked: only null asks for nothing.
  MaskedPaths: refused("the kernel's files stay masked", { isNeutral: (value) => value === null }),
  ReadonlyPaths: refused("the kernel's files stay read-only", { isNeutral: (value) => value === null }),
};

export const createFields: CreateFields = {
  Image: asked,
  Cmd: asked,
  Entrypoint: operator('a function starts with the entry point of its app file'),
  Env: asked,
  WorkingDir: asked,
  User: operator('a function runs as the user of its app file'),
  Hostname: asked,
  Domainname: operator('its host name is that of its function'),
  Labels: written('the labels'),
  Tty: asked,
  OpenStdin: asked,
  StdinOnce: asked,
  name: harmless('dockerode repeats what it says in the query'),
  platform: harmless('dockerode repeats what it says in the query'),
  AttachStdin: harmless('the attach says it'),
  AttachStdout: harmless('the attach says it'),
  AttachStderr: harmless('the attach says it'),
  StopSignal: operator('a function is stopped as its app file says', or('SIGTERM', 'TERM', '15')),
  StopTimeout: asked,
  ExposedPorts: harmless("in the app's network every port is open"),
  Volumes: operator('its file systems are those of the app file'),
  VolumesFrom: refused('it would give one container the files of another'),
  Healthcheck: operator('a run has no health', { isNeutral: isNoHealthcheck }),
  ArgsEscaped: harmless('it is for Windows'),
  NetworkDisabled: written('the network'),
  MacAddress: refused('addresses are given by minke'),
  OnBuild: refused('it is for builds'),
  Shell: harmless('it is for builds'),
  HostConfig: { ...asked, fields: hostConfigFields },
  NetworkingConfig: {
    ...asked,
    fields: { EndpointsConfig: operator('a container has the network of its app only', { isNeutral: isOwnNetwork }) },
  },
};

function isOwnLog(value: Json): boolean {
  if (!isObject(value)) return isZero(value);
  // With `none` there is more to read than was asked for.
  return (
    ['', 'json-file', 'local', 'none', undefined].includes(value['Type'] as string | undefined) &&
    isZero(value['Config'])
  );
}

function isNoRestart(value: Json): boolean {
  if (!isObject(value)) return isZero(value);
  return isZero(value['Name']) || value['Name'] === 'no';
}

function isNoHealthcheck(value: Json): boolean {
  return isObject(value) ? Object.values(value).every((one) => isZero(one)) : isZero(value);
}

function isOwnNetwork(value: Json): boolean {
  if (!isObject(value)) return isZero(value);
  return Object.entries(value).every(
    ([name, endpoint]) => ['default', 'bridge', 'none'].includes(name) && allZero(endpoint),
  );
}

export function allZero(value: Json): boolean {
  return isObject(value) ? Object.values(value).every(allZero) : isZero(value);
}
