import type { InstanceLimits, Outbound } from './instance.ts';

/** An app file, validated, with every default filled in: what should be. Pure data, JSON-safe. */
export interface AppModel {
  /** Project name; `NAME@ENV` for an environment. */
  readonly name: string;
  /** Folder that relative paths were resolved against (absolute). */
  readonly folder: string;
  readonly services: Readonly<Record<string, ServiceModel>>;
  readonly volumes: Readonly<Record<string, VolumeModel>>;
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
  readonly dependsOn: readonly string[];
  readonly restart: 'no' | 'on-failure' | 'always' | 'unless-stopped';
  readonly stopGraceMs: number;
  readonly limits: InstanceLimits;
  readonly labels: Readonly<Record<string, string>>;
  /** Ports named by `expose`, `ports` (container side) or `x-minke.port`; the first is the one the gateway speaks to. */
  readonly ports: readonly number[];
  readonly routes: readonly RouteModel[];
  /** Names that its containers may start through the Docker API and minke's own. */
  readonly mayRun: readonly string[];
  /** The socket is mounted even where mayRun is empty. */
  readonly api: boolean;
  readonly outbound: Outbound;
  /** Requests: queueing, start and answer together. Tasks: one attempt. */
  readonly timeoutMs: number;
  /** cgi: containers at once; http: requests per instance; task: runs at once. */
  readonly concurrency: number;
  /** http only. */
  readonly scale?: ScaleModel;
  /** cgi and http: requests that may wait; absent = the gateway's own limit. */
  readonly queueMax?: number;
}

export interface ScaleModel {
  readonly maxInstances: number;
  /** An instance that has had no request for so long is removed. */
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
