import type { Readable, Writable } from 'node:stream';
import type { HostPort, LogChunk, LogOptions, RootChange } from '../engines/engine.ts';
import type { ImageStep } from '../image/operations.ts';
import type { Health, HealthState } from '../model/health.ts';
import type { Id } from '../model/ids.ts';
import type { ImageConfig } from '../model/instance.ts';
import type { Run, RunOptions, RunTarget } from '../model/run.ts';

/**
 * What the Docker API wants of the rest of minke. A container of a function *is* a run: one id for both. One of the operator's is
 * kept until it is removed, and each start of it is a run; the first has its id.
 *
 * - Nothing here retries and every method may be called at any time; "already so" is success.
 * - Methods that take an id reject with RUN_NOT_FOUND when there is no such container.
 */
export interface Containers {
  /** Records only: nothing starts. The record of a function's container lasts until `start`, `remove` or the daemon's end. */
  create(request: ContainerRequest): Promise<Container>;
  /**
   * Resolves when its first process runs, rejects when that could not start. One of the operator's that has ended lives once more.
   * `isForeground`: somebody is attached or waits already, so the run inherits its parent's deadline.
   */
  start(id: Id, options: { readonly isForeground: boolean }): Promise<void>;
  /** As `stop`, where it runs, and `start`. */
  restart(id: Id, graceMs: number, signalNumber?: number): Promise<void>;
  /** Tells of starts and ends from now on, whoever asked for them. */
  observe(listener: (event: LifeEvent) => void): void;
  /** By full id, name or the beginning of an id that only one has. Names are looked up within the scope. */
  find(reference: string, scope: ContainerScope): Promise<Container | undefined>;
  /** Newest first; ended ones too. */
  list(scope: ContainerScope): Promise<readonly Container[]>;
  /**
   * Resolves once it does not run any more, nor will by its policy, and all of its output is recorded. `isNext`: once the life under
   * way, or else the next one, has ended.
   */
  settled(id: Id, signal: AbortSignal, options?: { readonly isNext?: boolean }): Promise<Run>;
  /** Of all its lives. With `follow`, waits for a recorded one to be started. Ends cleanly on abort. */
  logs(id: Id, options: ContainerLogOptions): AsyncIterable<LogChunk>;
  /** Stdin of the life under way, or else of the next. What is written before it runs is kept for it; `end` is the end of its input. */
  input(id: Id): Promise<Writable>;
  /** With SIGKILL it resolves when what ran is gone. */
  kill(id: Id, signalNumber: number): Promise<void>;
  /** SIGTERM (or its own signal, or this one), `graceMs`, SIGKILL; resolves when it is settled. Neither a retry nor a start by its policy follows. */
  stop(id: Id, graceMs: number, signalNumber?: number): Promise<void>;
  /** Ends it because nobody wants it any more; settles as `cancelled` with this reason. */
  cancel(id: Id, reason: string): Promise<void>;
  /** Other options, of what is recorded and of what runs or has ended; nothing is done to what runs. */
  change(id: Id, options: RunOptions): Promise<void>;
  /** Forgets it with its logs and what it has written; `withVolumes`: with those that nobody has named. Only for what is not running. */
  remove(id: Id, options?: { readonly withVolumes?: boolean }): Promise<void>;
  /** What it has written over its image, at any time. @throws NOT_SUPPORTED */
  changes(id: Id): Promise<readonly RootChange[]>;
  /** Its files, in a folder of this host, while it does not run; nobody starts it meanwhile. @throws CONFLICT, NOT_SUPPORTED */
  withFiles<T>(id: Id, action: (root: string) => Promise<T>): Promise<T>;
  /** The functions and services of an app, for the names in `may-run`. */
  functions(app: string): Promise<readonly NamedTarget[]>;
  /** Where the instance stands in its tree of calls. */
  lineage(instance: Id): Promise<Lineage>;
}

/** Everything, or only what one instance started. */
export interface ContainerScope {
  readonly parent?: Id;
}

export interface ContainerRequest {
  readonly app: string;
  readonly target: RunTarget;
  /** Empty = the image's own command, unless `options.entrypoint` is set: then none. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly options: RunOptions;
  /** The instance that asked; absent at the operator's door. */
  readonly parent?: Id;
}

export interface ContainerLogOptions extends LogOptions {
  /** Only the life under way, or else the next one. */
  readonly isOneLife?: boolean;
}

export interface LifeEvent {
  /** `destroy`: it has removed itself at its end. */
  readonly action: 'start' | 'die' | 'destroy' | `health_status: ${HealthState}`;
  readonly container: Container;
  /** Unix milliseconds. */
  readonly at: number;
}

export interface Container {
  /** Its run of now, or the last, under the container's own id, name and options. */
  readonly run: Run;
  /** false: recorded by `create` only; its run's state says nothing yet. */
  readonly isStarted: boolean;
  /** It stands for a function: nothing runs in it, however long it is there. */
  readonly isFunction?: true;
  /** Of the host, that lead to it now. */
  readonly ports?: readonly HostPort[];
  /** IPv4, in its network, while it lives. */
  readonly address?: string;
  /** It has ended, and is started again after a pause. */
  readonly isRestarting?: boolean;
  /** While it runs and is checked, with the last few checks. */
  readonly health?: Health & { readonly checks: readonly NonNullable<Health['last']>[] };
  /** How often it was started again by its policy. */
  readonly restarts?: number;
  /** It lives and gets no time. */
  readonly isPaused?: boolean;
  readonly image: { readonly id: string; readonly reference: string };
}

export interface NamedTarget {
  readonly name: string;
  /** Absent for what has not been built yet. */
  readonly image?: string;
}

export interface Lineage {
  /** 0 for an instance that no container asked for. */
  readonly depth: number;
  /** Living or recorded descendants of the instance's root call. */
  readonly living: number;
}

export interface Images {
  /** By reference, id or the beginning of an id. */
  find(reference: string): Promise<LocalImage | undefined>;
  list(): Promise<readonly LocalImage[]>;
  /** From its registry, whether it is here or not. Rejects with what the registry has against it. */
  pull(reference: string, options: PullOptions): Promise<LocalImage>;
  /** A `docker save` or OCI archive; answers what is there now. */
  load(archive: Readable): Promise<readonly LocalImage[]>;
  /** A `docker save` archive. */
  save(reference: string): Promise<Readable>;
  /** The newest step first. */
  history(reference: string): Promise<readonly ImageStep[]>;
  tag(reference: string, name: string): Promise<void>;
  /** Takes a name away, or by id the image with all of its names; with its last name an image goes. */
  remove(reference: string): Promise<void>;
  /** Ids of images that apps and what lives refer to: their files stay. */
  used(): Promise<ReadonlySet<string>>;
  /** Frees the disk of what has no name and is not used. */
  sweep(): Promise<{ readonly images: readonly string[]; readonly freedBytes: number }>;
}

export interface PullOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly doneBytes: number; readonly totalBytes: number }) => void;
  /** The login that the client sent along, instead of the daemon's own. */
  readonly credentials?: { readonly username: string; readonly password: string } | undefined;
}

export interface LocalImage {
  /** `sha256:` and 64 hex digits. */
  readonly id: string;
  readonly references: readonly string[];
  /** Unix milliseconds; 0 = not said (reproducible images). */
  readonly createdAt: number;
  readonly sizeBytes: number;
  readonly config: ImageConfig;
  /** `sha256:...` of the uncompressed layers, lowest first. */
  readonly layers: readonly string[];
}

/** What `docker info` and `docker version` tell. */
export interface HostFacts {
  readonly version: string;
  readonly id: string;
  readonly hostname: string;
  readonly dataFolder: string;
  readonly kernel: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly engine: string;
  /** Whether a container with Tty gets a terminal; without, interactive ones are not supported. */
  readonly hasTerminals: boolean;
}

/** Who asks: known by the listener that the socket came from, never by what is sent on it. */
export type Caller =
  | { readonly door: 'operator' }
  | {
      readonly door: 'function';
      readonly app: string;
      readonly name: string;
      readonly instance: Id;
      readonly mayRun: readonly string[];
    };

export type FunctionCaller = Extract<Caller, { door: 'function' }>;
