import type { HealthcheckModel } from './health.ts';
import type { Id } from './ids.ts';

/** What an instance is for. `container`: asked for through the Docker API or `minke run IMAGE`. */
export type InstanceKind = 'service' | 'http' | 'cgi' | 'task' | 'container';

/** What instances can be on. */
export type EngineName = 'sandbox' | 'docker' | 'swarm' | 'fake';

/** An image as an engine takes it: content on disk, described by its own config. */
export interface ReadyImage {
  /** `sha256:...` of the image's config: its id. */
  readonly id: string;
  /** What the user called it. */
  readonly reference: string;
  /** Folder with the unpacked root, never written to by an instance. */
  readonly rootPath: string;
  readonly config: ImageConfig;
}

/** The part of an OCI image config that says how to run it. */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  /** `uid`, `uid:gid`, `name` or `name:group`; empty = root. */
  readonly user: string;
  readonly exposedPorts: readonly number[];
  readonly labels: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  /** Absent or `none`: it says nothing of its health. */
  readonly healthcheck?: HealthcheckModel | 'none';
}

/** A mount as an engine performs it; named volumes are binds by then. */
export type InstanceMount =
  | { readonly type: 'bind'; readonly source: string; readonly target: string; readonly readOnly: boolean }
  | {
      readonly type: 'tmpfs';
      readonly target: string;
      readonly sizeBytes: number;
      /** As in MountModel. */
      readonly options?: readonly string[];
    };

/** A file that the engine makes for one instance and removes with it. Its content is shown to nobody else. */
export interface InstanceFile {
  /** Absolute path in the container. */
  readonly target: string;
  readonly content: Buffer;
  readonly mode: number;
  /** Absent = those of the instance's user. */
  readonly uid?: number;
  readonly gid?: number;
}

export interface InstanceLimits {
  /** Bytes; 0 = none. Swap is not given on top. */
  readonly memoryBytes: number;
  /** Processes and threads together. */
  readonly pids: number;
  /** Cores, 0.5 = half of one; 0 = none. */
  readonly cpus: number;
  /**
   * Bytes of stdout where that is a result, which is kept from its first byte on; one more ends the instance. Absent: stdout
   * is a log, of which the newest is kept.
   */
  readonly resultBytes?: number;
  /** Share of the cores against others of its app when they are contended, as Docker counts: absent = 1024. */
  readonly cpuShares?: number;
  /** Bytes that are taken from it last when the machine runs short. */
  readonly memoryReservationBytes?: number;
}

/** What a container may have set beyond its program, mounts and limits; absent = the engine's default. JSON-safe. */
export interface ContainerSettings {
  /** By name as in setrlimit(2), lower case without RLIMIT_: `nofile`, `nproc`; -1 = unlimited. */
  readonly ulimits?: Readonly<Record<string, { readonly soft: number; readonly hard: number }>>;
  /** Only those of a container's own namespaces. */
  readonly sysctls?: Readonly<Record<string, string>>;
  /** Of /dev/shm. */
  readonly shmBytes?: number;
  /** Lines of /etc/hosts. */
  readonly extraHosts?: readonly HostLine[];
  /** Names of the app under which it finds others as well, by alias. */
  readonly links?: Readonly<Record<string, string>>;
  readonly dns?: DnsSettings;
  readonly domainname?: string;
  /** Number of the signal that asks it to end; absent = SIGTERM. */
  readonly stopSignal?: number;
  /** Further groups of its first process: numbers, or names of the image. */
  readonly groups?: readonly string[];
  /** proc(5), /proc/PID/oom_score_adj: -1000 to 1000. */
  readonly oomScoreAdj?: number;
  /** Cores that it may run on: `0-2,4`. */
  readonly cpuset?: string;
  /** Kept beside the labels; no engine acts on them. */
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface HostLine {
  readonly name: string;
  readonly address: string;
}

export interface DnsSettings {
  /** Where the resolver sends what is no name of the app; empty = where the host sends it. */
  readonly servers: readonly string[];
  readonly search: readonly string[];
  /** As in resolv.conf(5). */
  readonly options: readonly string[];
}

export interface InstanceSpec {
  readonly id: Id;
  /** Where there are several; absent = as suits its kind. */
  readonly engine?: EngineName;
  readonly app: string;
  /** Service or function name; for a container of no function the name that Docker clients see. */
  readonly name: string;
  readonly kind: InstanceKind;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: ReadyImage;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  /** As in ImageConfig.user. */
  readonly user: string;
  readonly hostname: string;
  /** false: the instance gets a layer of its own over the image, gone with it. */
  readonly readOnlyRoot: boolean;
  /** With `readOnlyRoot: false`: that layer is the one that the engine keeps by this name (Roots), and stays. */
  readonly root?: Id;
  /** Bytes of /tmp; 0 = no tmpfs there. */
  readonly tmpBytes: number;
  readonly mounts: readonly InstanceMount[];
  readonly files?: readonly InstanceFile[];
  readonly limits: InstanceLimits;
  readonly privileged: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly settings?: ContainerSettings;
  readonly pidNamespace: 'own' | 'host';
  readonly network: 'app' | 'none';
  /** With `network: app`, the networks of its app that it is on; absent = `default`, which every app has. */
  readonly networks?: readonly string[];
  /** Where it may connect to outside its app. */
  readonly outbound: Outbound;
  /**
   * `pipes`: the daemon holds the streams and the instance ends with it (CGI). `logs`: the log writer records them, and
   * instance, streams and exit code outlive the daemon.
   */
  readonly streams: 'pipes' | 'logs';
  /** With `logs`, an open stdin lives as long as the daemon. */
  readonly stdin: 'none' | 'open';
  /** With `logs`: its program has a terminal of this size at first, and all that it writes is on stdout. Absent = none. */
  readonly terminal?: TerminalSize;
}

export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** `public`: all but loopback, link-local, private ranges and the host's own addresses; else `CIDR:port` rules. */
export type Outbound = 'none' | 'public' | readonly OutboundRule[];

export interface OutboundRule {
  readonly cidr: string;
  /** Absent = every port. */
  readonly port?: number;
}

/** How an instance ended. */
export interface InstanceExit {
  /** 0-255 as a shell gives it: 128 + n for signal n. */
  readonly code: number;
  /** `lost`: the exit code could not be had (its starter was killed with it). */
  readonly cause: 'exited' | 'out-of-memory' | 'pids-limit' | 'result-limit' | 'stopped' | 'lost';
  /** Unix milliseconds. */
  readonly at: number;
}
