import { MinkeError } from '../../errors/index.ts';
import type { AppModel, GrantModel, MountModel, ServiceModel } from '../../model/app.ts';
import { shortId, type Id } from '../../model/ids.ts';
import type {
  InstanceFile,
  InstanceKind,
  InstanceLimits,
  InstanceMount,
  InstanceSpec,
  ReadyImage,
} from '../../model/instance.ts';
import type { RunMount, RunOptions } from '../../model/run.ts';
import { decideArgv } from './argv.ts';
import { configDigest, hasDoor } from './config-digest.ts';
import { networksOf, outboundOf } from './outbound-of.ts';

/** What the caller knows beside the model: identity, folders of this host, and the run or request that the instance is for. */
export interface SpecExtras {
  readonly id: Id;
  /** Folder on this host of a named volume, by the name that it has outside the app. */
  readonly volumePath: (name: string) => string;
  /** Mounts of minke's own, such as the folder of the door at /run/minke. */
  readonly mounts?: readonly InstanceMount[];
  /** Default: the service's; `container` for what was asked for by image. */
  readonly kind?: InstanceKind;
  readonly args?: readonly string[];
  /** Of a run: over the file's environment, under minke's own names. */
  readonly env?: Readonly<Record<string, string>>;
  readonly run?: { readonly id: Id; readonly attempt: number };
  /** Unix milliseconds at which the request or attempt ends. */
  readonly deadlineAt?: number;
  readonly options?: RunOptions;
  /** Default: whether the service may run others or asks for the API. */
  readonly door?: boolean;
  /** Default: open for cgi, and as the options say for others. */
  readonly stdin?: 'none' | 'open';
  /** Its place among those of the service; default 1. */
  readonly replica?: number;
  /** The root that it keeps, where it may write to one. */
  readonly root?: Id;
  /** The content of a secret or config of the app. */
  readonly contentOf?: (grant: GrantModel) => Buffer;
}

export const doorUrl = 'unix:///run/minke/minke.sock';

/** Bytes of a tmpfs whose maker did not say. */
const defaultTmpfsBytes = 64 * 1024 * 1024;

/** What is longer belongs on a volume: a result is kept whole for as long as its run is. */
const resultLimitBytes = 64 * 1024 * 1024;

/**
 * One instance of a service or function, as an engine takes it. Pure. Throws IMAGE_INVALID when there is nothing to run and
 * INSTANCE_START_FAILED for a mount that cannot be.
 */
export function instanceSpec(
  app: AppModel,
  service: ServiceModel,
  image: ReadyImage,
  extras: SpecExtras,
): InstanceSpec {
  const { id, options = {} } = extras;
  const kind = extras.kind ?? service.kind;
  const readOnlyRoot = options.readOnlyRoot ?? service.readOnly;
  return {
    id,
    ...(service.engine === undefined ? {} : { engine: service.engine }),
    app: app.name,
    name: service.name,
    kind,
    labels: labelsOf(app, service, image, kind, extras),
    image,
    argv: decideArgv(service, image, extras.args, options.entrypoint),
    env: environmentOf(app, service, image, extras),
    workdir: firstOf(options.workdir, service.workingDir, image.config.workdir) ?? '/',
    user: firstOf(options.user, service.user, image.config.user) ?? '',
    hostname: firstOf(options.hostname, service.hostname) ?? shortId(id),
    readOnlyRoot,
    ...(readOnlyRoot || extras.root === undefined ? {} : { root: extras.root }),
    tmpBytes: service.tmpBytes,
    mounts: mountsOf(app, service, extras),
    files: filesOf(service, extras),
    limits: limitsOf(service.limits, options, kind),
    ...isolationOf(service, options),
    settings: { ...service.settings, ...options.settings },
    outbound: outboundOf(app, service),
    streams: kind === 'cgi' ? 'pipes' : 'logs',
    ...terminalOf(kind, options),
    stdin: extras.stdin ?? options.stdin ?? (kind === 'cgi' || service.stdinOpen ? 'open' : 'none'),
  };
}

const replicaLabel = 'minke.replica';

/** Which of the places of its service a living instance is in: its labels survive a restart of the daemon. */
export const replicaOf = ({ labels }: Pick<InstanceSpec, 'labels'>): number => Number(labels[replicaLabel] ?? 1);

/** Of 24 lines, as terminals have had since they were made of glass; whoever looks at it says how large it is. */
const terminalOf = (kind: InstanceKind, { tty }: RunOptions): Pick<InstanceSpec, 'terminal'> =>
  tty === true && kind !== 'cgi' ? { terminal: { rows: 24, columns: 80 } } : {};

/** The port that the gateway speaks to: the file's first, else the image's first EXPOSE, else 8080 for an http function. */
export function portOf(service: ServiceModel, image: ReadyImage): number | undefined {
  const asked = service.ports[0] ?? image.config.exposedPorts[0];
  return asked ?? (service.kind === 'http' ? 8080 : undefined);
}

/** The first that is there and not empty: an empty `workdir` of an image config says nothing. */
const firstOf = (...values: readonly (string | undefined)[]): string | undefined =>
  values.find((value) => value !== undefined && value !== '');

function labelsOf(
  app: AppModel,
  service: ServiceModel,
  image: ReadyImage,
  kind: InstanceKind,
  { id, options, replica = 1 }: SpecExtras,
): Readonly<Record<string, string>> {
  return {
    ...image.config.labels,
    ...service.labels,
    ...options?.labels,
    'minke.app': app.name,
    'minke.name': service.name,
    'minke.kind': kind,
    'minke.instance': id,
    ...(kind === 'service' ? { [replicaLabel]: String(replica) } : {}),
    'minke.digest': configDigest(app, service, image.id),
  };
}

function environmentOf(
  app: AppModel,
  service: ServiceModel,
  image: ReadyImage,
  { id, kind = service.kind, env, run, deadlineAt, options = {}, door = hasDoor(service) }: SpecExtras,
): Readonly<Record<string, string>> {
  const port = portOf(service, image);
  const portEntry = port === undefined ? {} : { PORT: String(port) };
  return {
    // A service may know its port better: its file and its image come first. An http function listens where it is told.
    ...(kind === 'service' ? portEntry : {}),
    ...(options.tty === true ? { TERM: 'xterm' } : {}),
    ...image.config.env,
    ...service.environment,
    ...env,
    ...(kind === 'http' ? portEntry : {}),
    MINKE_APP: app.name,
    MINKE_NAME: service.name,
    MINKE_INSTANCE: id,
    MINKE_RELEASE: '1',
    ...(run === undefined ? {} : { MINKE_RUN: run.id, MINKE_ATTEMPT: String(run.attempt) }),
    ...(deadlineAt === undefined ? {} : { MINKE_DEADLINE: String(Math.round(deadlineAt)) }),
    ...(door ? { MINKE_API: doorUrl, DOCKER_HOST: doorUrl } : {}),
  };
}

function mountsOf(app: AppModel, service: ServiceModel, extras: SpecExtras): readonly InstanceMount[] {
  const asked = [...service.mounts, ...(extras.options?.mounts ?? [])].map((mount) =>
    toInstanceMount(app, service.name, mount, extras.volumePath),
  );
  const all = [...asked, ...(extras.mounts ?? [])];
  // One path holds one mount: a run's own comes before the file's, minke's before all.
  return all.filter(({ target }, index) => !all.slice(index + 1).some((other) => other.target === target));
}

function toInstanceMount(
  app: AppModel,
  name: string,
  mount: MountModel | RunMount,
  volumePath: SpecExtras['volumePath'],
): InstanceMount {
  const { type, source, target, readOnly, sizeBytes = defaultTmpfsBytes } = mount;
  const { options }: Partial<MountModel> = mount;
  if (type === 'tmpfs') return { type, target, sizeBytes, ...(options === undefined ? {} : { options }) };
  if (source === undefined || source === '') {
    throw new MinkeError('INSTANCE_START_FAILED', { name, reason: `its mount at ${target} names nothing to mount` });
  }
  const path = type === 'bind' ? source : volumePath(app.volumes[source]?.name ?? source);
  return { type: 'bind', source: path, target, readOnly };
}

function filesOf({ grants }: ServiceModel, { contentOf }: SpecExtras): readonly InstanceFile[] {
  if (contentOf === undefined) return [];
  return grants.map((grant) => {
    const { target, mode, uid, gid } = grant;
    const owner = { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
    return { target, mode, ...owner, content: contentOf(grant) };
  });
}

const limitsOf = (limits: InstanceLimits, options: RunOptions, kind: InstanceKind): InstanceLimits => ({
  ...limits,
  memoryBytes: options.memoryBytes ?? limits.memoryBytes,
  pids: options.pids ?? limits.pids,
  cpus: options.cpus ?? limits.cpus,
  ...(kind === 'task' ? { resultBytes: options.resultBytes ?? resultLimitBytes } : {}),
});

type Isolation = Pick<InstanceSpec, 'privileged' | 'capAdd' | 'capDrop' | 'pidNamespace' | 'network' | 'networks'>;

/** The file was checked when it was read; options that widen it are let through by the operator's door alone. */
const isolationOf = (service: ServiceModel, options: RunOptions): Isolation => ({
  privileged: options.privileged ?? false,
  capAdd: [...service.capAdd, ...(options.capAdd ?? [])],
  capDrop: [...service.capDrop, ...(options.capDrop ?? [])],
  pidNamespace: options.pidNamespace ?? 'own',
  network: service.networks.length === 0 ? 'none' : (options.network ?? 'app'),
  networks: networksOf(service),
});
