import { shortId } from '../model/ids.ts';
import { isSettled, type Run, type RunMount, type RunOptions } from '../model/run.ts';
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
  };
}

function configView({ run, image }: Container): unknown {
  const { options } = run;
  return {
    Hostname: options.hostname ?? shortId(run.id),
    Domainname: '',
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
    Volumes: null,
    WorkingDir: options.workdir ?? '',
    Entrypoint: options.entrypoint ?? null,
    OnBuild: null,
    Labels: options.labels ?? {},
  };
}

function hostConfigView({ options, ...run }: Run): unknown {
  return {
    Binds: (options.mounts ?? [])
      .filter(({ type }) => type !== 'tmpfs')
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

const networkOf = ({ options }: Run): string =>
  options.network === 'none' ? 'none' : (options.attachment?.network ?? 'default');

const networksView = ({ run, address = '' }: Container): object => {
  const network = networkOf(run);
  return {
    [network === 'default' ? 'bridge' : network]: {
      IPAMConfig: null,
      Links: null,
      Aliases: run.options.attachment?.aliases ?? null,
      NetworkID: '',
      EndpointID: '',
      Gateway: '',
      IPAddress: address,
      IPPrefixLen: address === '' ? 0 : 32,
      MacAddress: '',
    },
  };
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
  if (status === 'running') return up;
  if (status === 'paused') return `${up} (Paused)`;
  const how = status === 'restarting' ? 'Restarting' : 'Exited';
  return `${how} (${exitCodeOf(run)}) ${duration(nowMs - (run.endedAt ?? nowMs))} ago`;
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
