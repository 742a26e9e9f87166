import { constants } from 'node:os';
import type { HealthcheckModel } from '../model/health.ts';
import { shortId } from '../model/ids.ts';
import { isSettled, type Run, type RunMount, type RunOptions } from '../model/run.ts';
import { attachmentsOf, ownNetwork } from './attachments.ts';
import { isAlive, isRunning } from './call.ts';
import type { Container } from './containers.ts';
import { nanoTime } from './log-view.ts';

/** A container as Docker's clients want to see it. Everything here is made from the run; nothing is made up. */
export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'exited';

export function statusOf(container: Container): ContainerStatus {
  if (!container.isStarted) return 'created';
  if (container.isRestarting === true) return 'restarting';
  if (!isAlive(container)) return 'exited';
  return container.isPaused === true ? 'paused' : 'running';
}

export const nameOf = ({ run }: Container): string =>
  run.options.name ?? ('function' in run.target ? `${run.target.function}_${shortId(run.id)}` : shortId(run.id));

/**
 * The exit code that clients see. A run that ended without one never had a process (125, as the CLI says it) or was ended
 * by minke (137, as SIGKILL gives).
 */
export function exitCodeOf({ state, exitCode }: Run): number {
  if (exitCode !== undefined || !isSettled(state)) return exitCode ?? 0;
  if (state === 'succeeded') return 0;
  return state === 'failed' || state === 'dead' ? 125 : 137;
}

/** One row of `containers/json`. */
export function listView(container: Container, nowMs: number): object {
  const { run, image } = container;
  return {
    Id: run.id,
    Names: [`/${nameOf(container)}`],
    Image: image.reference,
    ImageID: image.id,
    Command: run.args.join(' '),
    Created: Math.floor(run.createdAt / 1000),
    Ports: (container.ports ?? []).map(({ hostIp, hostPort, containerPort, protocol }) => ({
      IP: hostIp,
      PrivatePort: containerPort,
      PublicPort: hostPort,
      Type: protocol,
    })),
    Labels: run.options.labels ?? {},
    State: statusOf(container),
    Status: statusText(container, nowMs),
    HostConfig: { NetworkMode: networkOf(run) },
    NetworkSettings: { Networks: networksView(container) },
    Mounts: (run.options.mounts ?? []).map(mountView),
  };
}

/** `containers/{id}/json`. */
export function inspectView(container: Container): unknown {
  const { run, image } = container;
  const [path = '', ...args] = [...(run.options.entrypoint ?? []), ...run.args];
  return {
    Id: run.id,
    Created: nanoTime(run.createdAt),
    Path: path,
    Args: args,
    State: stateView(container),
    Image: image.id,
    ResolvConfPath: '',
    HostnamePath: '',
    HostsPath: '',
    LogPath: '',
    Name: `/${nameOf(container)}`,
    RestartCount: container.restarts ?? 0,
    Driver: 'minke',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: null,
    HostConfig: hostConfigView(run),
    GraphDriver: { Name: 'minke', Data: null },
    Mounts: (run.options.mounts ?? []).map(mountView),
    Config: configView(container),
    NetworkSettings: {
      Bridge: '',
      SandboxID: '',
      Ports: portsView(container),
      Networks: networksView(container),
      IPAddress: container.address ?? '',
      Gateway: '',
      MacAddress: '',
    },
  };
}

function stateView(container: Container): unknown {
  const { run } = container;
  const isOver = container.isStarted && !isAlive(container);
  return {
    Status: statusOf(container),
    Running: isRunning(container),
    Paused: statusOf(container) === 'paused',
    Restarting: container.isRestarting === true,
    OOMKilled: run.error?.code === 'OUT_OF_MEMORY',
    Dead: false,
    Pid: 0,
    ExitCode: exitCodeOf(run),
    Error: isOver && run.exitCode === undefined ? (run.error?.message ?? '') : '',
    StartedAt: timeOf(run.startedAt),
    FinishedAt: timeOf(isOver ? run.endedAt : undefined),
    ...healthView(container),
  };
}

function healthView({ health }: Container): object {
  if (health === undefined) return {};
  const { state, failures, checks } = health;
  return {
    Health: {
      Status: state,
      FailingStreak: failures,
      Log: checks.map(({ at, code, output }) => ({
        Start: nanoTime(at),
        End: nanoTime(at),
        ExitCode: code,
        Output: output,
      })),
    },
  };
}

function configView({ run, image }: Container): unknown {
  const { options } = run;
  return {
    Hostname: options.hostname ?? shortId(run.id),
    Domainname: options.settings?.domainname ?? '',
    User: options.user ?? '',
    AttachStdin: options.stdin === 'open',
    AttachStdout: true,
    AttachStderr: true,
    Tty: options.tty === true,
    OpenStdin: options.stdin === 'open',
    StdinOnce: options.stdinOnce === true,
    Env: Object.entries(run.env).map(([key, value]) => `${key}=${value}`),
    Cmd: run.args.length > 0 ? run.args : null,
    Image: image.reference,
    ExposedPorts: exposedView(options),
    Volumes: volumesView(options),
    ...(options.settings?.stopSignal === undefined ? {} : { StopSignal: signalName(options.settings.stopSignal) }),
    ...(options.stopGraceMs === undefined ? {} : { StopTimeout: options.stopGraceMs / 1000 }),
    ...(options.healthcheck === undefined ? {} : { Healthcheck: healthcheckView(options.healthcheck) }),
    WorkingDir: options.workdir ?? '',
    Entrypoint: options.entrypoint ?? null,
    OnBuild: null,
    Labels: options.labels ?? {},
  };
}

function hostConfigView({ options, ...run }: Run): unknown {
  return {
    Binds: (options.mounts ?? [])
      .filter(({ type, isNameless }) => type !== 'tmpfs' && isNameless !== true)
      .map((mount) => `${mount.source ?? ''}:${mount.target}${mount.readOnly ? ':ro' : ''}`),
    LogConfig: { Type: 'json-file', Config: {} },
    NetworkMode: networkOf({ options, ...run }),
    PortBindings: Object.fromEntries(
      (options.ports ?? []).map(({ hostIp = '', hostPorts, containerPort, protocol }) => [
        `${containerPort}/${protocol}`,
        [{ HostIp: hostIp, HostPort: hostPorts === undefined ? '' : [...new Set(hostPorts)].join('-') }],
      ]),
    ),
    RestartPolicy: restartView(options),
    AutoRemove: options.keep !== true,
    ...settingsView(options),
    CapAdd: options.capAdd ?? null,
    CapDrop: options.capDrop ?? null,
    IpcMode: 'private',
    PidMode: options.pidNamespace === 'host' ? 'host' : '',
    Privileged: options.privileged === true,
    ReadonlyRootfs: options.readOnlyRoot === true,
    Memory: options.memoryBytes ?? 0,
    NanoCpus: Math.round((options.cpus ?? 0) * 1e9),
    PidsLimit: options.pids ?? null,
  };
}

const exposedView = ({ ports = [] }: RunOptions): object =>
  Object.fromEntries(ports.map(({ containerPort, protocol }) => [`${containerPort}/${protocol}`, {}]));

function volumesView({ mounts = [] }: RunOptions): object | null {
  const nameless = mounts.filter(({ isNameless }) => isNameless === true);
  return nameless.length === 0 ? null : Object.fromEntries(nameless.map(({ target }) => [target, {}]));
}

const signalName = (wanted: number): string =>
  Object.entries(constants.signals).find(([, number]) => number === wanted)?.[0] ?? String(wanted);

function healthcheckView(healthcheck: HealthcheckModel | 'none'): object {
  if (healthcheck === 'none') return { Test: ['NONE'] };
  const { test = [], intervalMs = 0, timeoutMs = 0, startPeriodMs = 0, startIntervalMs = 0, retries = 0 } = healthcheck;
  return {
    Test: test.length === 0 ? [] : ['CMD', ...test],
    Interval: intervalMs * 1e6,
    Timeout: timeoutMs * 1e6,
    StartPeriod: startPeriodMs * 1e6,
    StartInterval: startIntervalMs * 1e6,
    Retries: retries,
  };
}

/** Of what may be set beside, what was. */
const settingsView = ({ settings = {} }: RunOptions): object => ({
  ExtraHosts: settings.extraHosts?.map(({ name, address }) => `${name}:${address}`) ?? null,
  GroupAdd: settings.groups ?? null,
  ShmSize: settings.shmBytes ?? 64 * 1024 * 1024,
  Ulimits: Object.entries(settings.ulimits ?? {}).map(([Name, { soft, hard }]) => ({ Name, Soft: soft, Hard: hard })),
});

const restartView = ({ restart }: RunOptions): object => ({
  Name: restart?.condition ?? 'no',
  MaximumRetryCount: restart?.maxRetries ?? 0,
});

function mountView(mount: RunMount): unknown {
  return {
    Type: mount.type,
    ...(mount.type === 'volume' && { Name: mount.source }),
    Source: mount.source ?? '',
    Destination: mount.target,
    Mode: '',
    RW: !mount.readOnly,
    Propagation: mount.type === 'bind' ? 'rprivate' : '',
  };
}

const networkOf = ({ options }: Pick<Run, 'options'>): string => {
  const [first] = attachmentsOf(options);
  if (first === undefined) return 'none';
  return first.network === ownNetwork ? 'default' : first.network;
};

const networksView = ({ run, address = '' }: Container): object => {
  const attachments = attachmentsOf(run.options);
  const none = attachments.length === 0 ? [{ network: 'none', aliases: [] }] : attachments;
  return Object.fromEntries(
    none.map(({ network, aliases }) => [
      network,
      {
        IPAMConfig: null,
        Links: null,
        // Found by its short id as well, on the networks that have names.
        Aliases: [ownNetwork, 'none'].includes(network) ? null : [...aliases, shortId(run.id)],
        NetworkID: '',
        EndpointID: '',
        Gateway: '',
        IPAddress: address,
        IPPrefixLen: address === '' ? 0 : 32,
        MacAddress: '',
      },
    ]),
  );
};

function portsView({ ports = [] }: Container): object {
  const byPort = Map.groupBy(ports, ({ containerPort, protocol }) => `${containerPort}/${protocol}`);
  return Object.fromEntries(
    [...byPort].map(([port, all]) => [
      port,
      all.map(({ hostIp, hostPort }) => ({ HostIp: hostIp, HostPort: String(hostPort) })),
    ]),
  );
}

/** Docker's zero time for what has not happened. */
const timeOf = (atMs: number | undefined): string => (atMs === undefined ? '0001-01-01T00:00:00Z' : nanoTime(atMs));

function statusText(container: Container, nowMs: number): string {
  const { run } = container;
  const status = statusOf(container);
  if (status === 'created') return 'Created';
  const up = `Up ${duration(nowMs - (run.startedAt ?? run.createdAt))}`;
  if (status === 'running') return `${up}${healthText(container)}`;
  if (status === 'paused') return `${up} (Paused)`;
  const how = status === 'restarting' ? 'Restarting' : 'Exited';
  return `${how} (${exitCodeOf(run)}) ${duration(nowMs - (run.endedAt ?? nowMs))} ago`;
}

function healthText({ health }: Container): string {
  if (health === undefined) return '';
  return health.state === 'starting' ? ' (health: starting)' : ` (${health.state})`;
}

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [word, length] = units.find(([, unit]) => seconds >= unit) ?? ['second', 1];
  const count = Math.floor(seconds / length);
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
