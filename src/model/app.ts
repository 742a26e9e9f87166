import type { HealthcheckModel } from './health.ts';
import type { RetryRules } from './run.ts';
import type { ScheduleModel } from './schedule.ts';
import type { ContainerSettings, EngineName, InstanceLimits, Outbound } from './instance.ts';
import type { ServicePlace } from './service-place.ts';

/** An app file, validated, with every default filled in: what should be. Pure data, JSON-safe. */
export interface AppModel {
  /** Project name; `NAME@ENV` for an environment. */
  readonly name: string;
  /** Folder that relative paths were resolved against (absolute). */
  readonly folder: string;
  readonly services: Readonly<Record<string, ServiceModel>>;
  readonly volumes: Readonly<Record<string, VolumeModel>>;
  /** Those that the file declares, and `default` where a service names none. */
  readonly networks: Readonly<Record<string, NetworkModel>>;
  readonly secrets: Readonly<Record<string, SourceModel>>;
  readonly configs: Readonly<Record<string, SourceModel>>;
}

/** `service` runs all the time; the others run on demand. */
export type ServiceKind = 'service' | 'http' | 'cgi' | 'task';

export interface ServiceModel {
  readonly name: string;
  readonly kind: ServiceKind;
  readonly image?: string;
  readonly build?: BuildModel;
  readonly pack: PackModel;
  /** Absent = the image's. A string in the file is split as a shell would (Compose). */
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDir?: string;
  readonly user?: string;
  readonly hostname?: string;
  /** Functions: true unless the file says otherwise; services: false. */
  readonly readOnly: boolean;
  readonly tmpBytes: number;
  readonly mounts: readonly MountModel[];
  readonly grants: readonly GrantModel[];
  readonly dependsOn: readonly DependencyModel[];
  readonly restart: 'no' | 'on-failure' | 'always' | 'unless-stopped';
  /** Absent = minke's own pauses, without end. */
  readonly restartBounds?: RestartBounds;
  /** Absent = the image's, if it has one; `none` = not even that. */
  readonly healthcheck?: HealthcheckModel | 'none';
  readonly stopGraceMs: number;
  readonly limits: InstanceLimits;
  /** With or without `CAP_`, upper case; `ALL` too. */
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly settings: ContainerSettings;
  /** Its input is open, though nobody writes into it. */
  readonly stdinOpen: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the service itself, and not of its containers. */
  readonly deployLabels: Readonly<Record<string, string>>;
  /** Ports named by `expose`, `ports` (container side) or `x-minke.port`; the first is the one the gateway speaks to. */
  readonly ports: readonly number[];
  /** What the host is to listen at for it, one entry for each port of the container. */
  readonly published: readonly PublishedPort[];
  /** Networks of the app that it is on; empty = none at all. */
  readonly networks: readonly AttachmentModel[];
  /** Further names that it answers to in the whole app (`container_name`). */
  readonly aliases: readonly string[];
  /** Instances of a service at once; functions have 1, which says nothing. */
  readonly replicas: number;
  /** Somebody stopped it (`minke stop`), and none runs until it is started again or the app is brought up. No file says so. */
  readonly isStopped?: true;
  /** It is stopped, and nobody wants to see it any more (`minke rm`). */
  readonly isRemoved?: true;
  readonly routes: readonly RouteModel[];
  /** Names that its containers may start through the Docker API and minke's own. */
  readonly mayRun: readonly string[];
  /** The socket is mounted even where mayRun is empty. */
  readonly api: boolean;
  readonly outbound: Outbound;
  /** That it insists on; absent = the daemon's. */
  readonly engine?: EngineName;
  /** Requests: queueing, start and answer together. Tasks: one attempt. */
  readonly timeoutMs: number;
  /** cgi: containers at once; http: requests per instance; task: runs at once. */
  readonly concurrency: number;
  /** http; a service has it where it is started by its first connection (`isOnDemand`). */
  readonly scale?: ScaleModel;
  /** Of a task. */
  readonly retries?: RetriesModel;
  /** Of a task: URL that is told of the ends of its runs. */
  readonly callback?: string;
  /** Of a task: when it runs by itself. */
  readonly schedules?: readonly ScheduleModel[];
  /** cgi and http: requests that may wait; absent = the gateway's own limit. */
  readonly queueMax?: number;
}

/** The app of what is asked for at the operator's door without one. */
export const defaultApp = 'default';

/** Not running at rest: started by the first connection to it, stopped when it has had none for a while. */
export const isOnDemand = ({ kind, scale }: Pick<ServiceModel, 'kind' | 'scale'>): boolean =>
  kind === 'service' && scale !== undefined;

export interface RetriesModel extends RetryRules {
  /** Milliseconds from its accept until a run must have begun. */
  readonly maxAgeMs: number;
}

/** The places of a service that are to hold an instance now. */
export const placesOf = ({ replicas, isStopped }: Pick<ServiceModel, 'replicas' | 'isStopped'>): readonly number[] =>
  isStopped === true ? [] : Array.from({ length: replicas }, (_, index) => index + 1);

/** Whether the app is to have an instance there now. */
export function hasPlace(
  { services }: Pick<AppModel, 'services'>,
  { service, replica }: Omit<ServicePlace, 'app'>,
): boolean {
  const found = Object.hasOwn(services, service) ? services[service] : undefined;
  return found?.kind === 'service' && placesOf(found).includes(replica);
}

export interface ScaleModel {
  readonly maxInstances: number;
  /** An instance that has had no request or connection for so long is removed. */
  readonly idleMs: number;
}

export interface BuildModel {
  /** Absolute. */
  readonly context: string;
  /** Absolute; absent when the folder has no Dockerfile and none is named: minke packs it. */
  readonly dockerfile?: string;
  readonly args: Readonly<Record<string, string>>;
  readonly target?: string;
}

export interface PackModel {
  /** `auto`: by what the folder holds. */
  readonly runtime: 'auto' | 'node' | 'perl' | 'python' | 'none';
  /** Host programs and files that go into the image with the shared libraries they need (absolute paths). */
  readonly include: readonly string[];
}

export interface MountModel {
  readonly type: 'volume' | 'bind' | 'tmpfs';
  /** Volume name (as in AppModel.volumes) or absolute host path; absent for tmpfs. */
  readonly source?: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** tmpfs only. */
  readonly sizeBytes?: number;
  /** tmpfs only, as tmpfs(5) and mount(8) take them: `mode=700`, `uid=1000`, `gid=1000`, `noexec`. */
  readonly options?: readonly string[];
  /** volume only: a folder or file in it. Whoever writes into the volume must not lead the mount out of it by a link. */
  readonly subpath?: string;
}

export interface VolumeModel {
  /** Name outside the app: `APP_KEY`, or as given by `name:`. */
  readonly name: string;
  /** true: minke neither makes nor removes it. */
  readonly external: boolean;
}

export interface RouteModel {
  /** Lower case, no port; absent = every host. */
  readonly host?: string;
  /** Starts with "/", does not end with one unless it is "/". */
  readonly prefix: string;
}

export interface DependencyModel {
  readonly name: string;
  readonly condition: 'service_started' | 'service_healthy' | 'service_completed_successfully';
  /** false: what depends on it starts as well where the other is not part of the app (a profile that is not active) or fails. */
  readonly required: boolean;
  /** It is restarted too when minke restarts or replaces the other by order of a user. */
  readonly restart: boolean;
}

/** `restart: on-failure:N` and `deploy.restart_policy`. */
export interface RestartBounds {
  /** Restarts in a row; absent = without end. */
  readonly maxAttempts?: number;
  /** Pause before each restart; absent = minke's own growing pauses. */
  readonly delayMs?: number;
  /** A life as long as this counts as a success and begins the count anew; absent = minke's own. */
  readonly windowMs?: number;
}

export interface NetworkModel {
  /** Name outside the app: `APP_KEY`, or as given by `name:`. */
  readonly name: string;
  /** Without a way to the outside. */
  readonly internal: boolean;
}

/** A service on a network. */
export interface AttachmentModel {
  /** Key in AppModel.networks. */
  readonly network: string;
  /** Names besides the service's own that it answers to on this network. */
  readonly aliases: readonly string[];
}

export interface PublishedPort {
  /** Address of the host; absent = every one. */
  readonly hostIp?: string;
  /** Ports of the host, first and last, of which one is taken; absent = whichever is free. */
  readonly hostPorts?: readonly [number, number];
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
}

/** How to find the content of a secret or config. Never what it is: models are stored, printed and compared. */
export type SourceModel =
  /** Absolute path on this host, read at each start. */
  | { readonly from: 'file'; readonly path: string; readonly fingerprint?: string }
  /** The caller's variable, or text of the app file: kept by the daemon apart from the model, as long as the app is there. */
  | { readonly from: 'environment'; readonly variable: string; readonly fingerprint?: string }
  | { readonly from: 'content'; readonly fingerprint?: string };

/** A secret or config as a file in a service's containers. */
export interface GrantModel {
  readonly kind: 'secret' | 'config';
  /** Key in AppModel.secrets or AppModel.configs. */
  readonly source: string;
  /** Absolute path in the container. */
  readonly target: string;
  readonly mode: number;
  /** Absent = the user and group of the container. */
  readonly uid?: number;
  readonly gid?: number;
}
