import type { Readable, Writable } from 'node:stream';
import type { Socket } from 'node:net';
import type { PublishedPort } from '../model/app.ts';
import type { Id } from '../model/ids.ts';
import type { EngineName, InstanceExit, InstanceSpec, Outbound, ReadyImage } from '../model/instance.ts';
import type { Command, CommandEnd } from './command.ts';
import type { Controls } from './controls.ts';

/**
 * What makes instances on one kind of substrate. An engine knows nothing of releases, routes or scaling.
 *
 * - `start` that fails leaves nothing behind; it rejects with INSTANCE_START_FAILED (or a more exact code).
 * - `stop` is idempotent: "already gone" is success. It resolves when the instance and all it held are gone.
 * - Nothing here retries; callers do.
 * - Time limits, logging and abort are added once, by `bounded` (bounded.ts), not by each engine.
 */
export interface Engine {
  describe(): EngineDescription;
  /**
   * Has done what a start would have to do first and that takes as long as its image is large; a start does it where nobody has.
   * Idempotent. Absent where a start needs nothing of the kind.
   */
  prepare?(spec: Preparation, signal?: AbortSignal): Promise<void>;
  /** Resolves when the process exists; not when it answers. */
  start(spec: InstanceSpec, signal?: AbortSignal): Promise<Instance>;
  /** SIGTERM or the spec's own signal, `graceMs`, then SIGKILL; 0 = SIGKILL at once. */
  stop(id: Id, graceMs: number): Promise<void>;
  kill(id: Id, signalNumber: number): Promise<void>;
  inspect(id: Id): Promise<InstanceStatus | undefined>;
  /**
   * Runs a command in a living instance: in its namespaces, as what it may do, counted in its limits, and gone with it at the
   * latest. Resolves when it has ended; rejects with INSTANCE_NOT_FOUND where the instance does not live. An aborted command
   * and all that it started is killed.
   */
  execute(id: Id, command: Command, signal?: AbortSignal): Promise<CommandEnd>;
  /** Live instances (and `logs` instances that ended unobserved) of an earlier daemon; what cannot be adopted has been removed. Called once, first. */
  recover(): Promise<readonly Instance[]>;
  /** Ended instances that have not been removed: their exits and logs can still be had. */
  ended(): Promise<readonly Id[]>;
  /** Forgets an ended instance and deletes its logs. Idempotent. */
  remove(id: Id): Promise<void>;
  readonly logs: LogSource;
  readonly networks: Networks;
  /** Absent where the engine has no such powers. */
  readonly controls?: Controls;
  /** Absent where what an instance has written goes with it, whatever its spec says. */
  readonly roots?: Roots;
  /** Lets go of everything without ending `logs` instances; with `purge`, ends and removes all. */
  close(options: { readonly purge: boolean }): Promise<void>;
}

/** What is known of an instance before it is to be started. */
export type Preparation = Pick<InstanceSpec, 'image' | 'kind' | 'engine'>;

export interface EngineDescription {
  readonly name: EngineName;
  /** What a spec may insist on; absent = nothing but this one. */
  readonly engines?: readonly EngineName[];
  /** For people: runtime and version, cgroup layout. */
  readonly details: Readonly<Record<string, string>>;
}

export interface Instance {
  /** Enough to find the instance again after a restart of the daemon; stored by callers as it is. */
  readonly handle: InstanceHandle;
  readonly spec: InstanceSummary;
  /** IPv4 address in the app's network; undefined without a network. */
  readonly address: string | undefined;
  readonly startedAt: number;
  /** Present with `streams: pipes`, and stdin with `stdin: open`. */
  readonly stdin?: Writable;
  readonly stdout?: Readable;
  readonly stderr?: Readable;
  /** Never rejects. With `logs` it resolves after the last byte of output was recorded. */
  readonly exited: Promise<InstanceExit>;
}

export interface InstanceHandle {
  readonly version: 1;
  readonly engine: EngineName;
  readonly id: Id;
}

/** The part of the spec that survives a restart. */
export type InstanceSummary = Pick<InstanceSpec, 'id' | 'app' | 'name' | 'kind' | 'labels' | 'limits'> & {
  readonly imageId: string;
};

export interface InstanceStatus {
  readonly state: 'running' | 'ended';
  /** Host pid of the instance's first process while it runs. */
  readonly pid?: number;
  readonly exit?: InstanceExit;
}

/**
 * What instances have written over their image, by a name of the caller's: kept from the first that has it (`root` of its spec)
 * until `remove`, across restarts of the daemon. One instance at a time has it, always over the same image; callers see to that.
 */
export interface Roots {
  /** All that there are. */
  list(): Promise<readonly Id[]>;
  /** Its files while no instance has it, made where there are none yet. None may start with it until they are closed. */
  open(id: Id, image: ReadyImage): Promise<OpenRoot>;
  /** What is not as in the image, folders before what is in them; at any time, and nothing of one that is not there. */
  changes(id: Id, image: ReadyImage): Promise<readonly RootChange[]>;
  /** Not of one that an instance has. Idempotent. */
  remove(id: Id): Promise<void>;
}

export interface RootChange {
  /** Absolute, in the root. */
  readonly path: string;
  readonly kind: 'modified' | 'added' | 'deleted';
}

export interface OpenRoot {
  /** A folder of this host, as a container of the image would see it but for its mounts. */
  readonly path: string;
  close(): Promise<void>;
}

/** What was written to stdout and stderr, kept until `remove`. */
export interface LogSource {
  /** Follows until the instance has ended when `follow` is set. Ends cleanly on abort. */
  read(id: Id, options: LogOptions): AsyncIterable<LogChunk>;
  /** How much is kept of an instance; absent where the engine does not tell. */
  keptBytes?(id: Id): Promise<number>;
}

export interface LogOptions {
  readonly follow?: boolean;
  readonly streams?: readonly ('stdout' | 'stderr')[];
  readonly signal?: AbortSignal;
  /** Rejects with RESULT_TOO_LARGE where the beginning is not kept any more, instead of beginning later. */
  readonly isWhole?: boolean;
}

export interface LogChunk {
  readonly stream: 'stdout' | 'stderr';
  /** Unix milliseconds when it was recorded. */
  readonly at: number;
  readonly bytes: Buffer;
}

/** One network per app, in which each name is an address. */
export interface Networks {
  /**
   * Makes it, or brings it to this state. Idempotent. Names keep their addresses, ports of the host the choice that was made.
   * PORT_UNAVAILABLE where a port cannot be had: those of before are then as they were.
   */
  ensure(spec: NetworkSpec): Promise<void>;
  /** From now on new connections to `name` go to these instance addresses; none = to the listener. Open ones stay. */
  publish(app: string, name: string, addresses: readonly string[]): Promise<void>;
  /** Ports of the host that lead to services of the app now. */
  ports(app: string): readonly HostPort[];
  /** Rejects with PORT_UNAVAILABLE where `ensure` would, and changes nothing. */
  checkPorts(app: string, ports: readonly WantedPort[]): Promise<void>;
  /** All apps' ports of the host are free until `ensure` takes them again. */
  releasePorts(): Promise<void>;
  /** A TCP connection from the daemon to an instance. */
  connect(app: string, address: string, port: number, signal?: AbortSignal): Promise<Socket>;
  remove(app: string): Promise<void>;
}

export interface NetworkSpec {
  readonly app: string;
  readonly names: readonly string[];
  /** Absent = all of them are on `default`, each found by itself. */
  readonly networks?: NetworkNames;
  /** Ports of the host; those of before that are missing are free again. */
  readonly ports?: readonly WantedPort[];
  /** Connections to a name, or a port of the host, without a published instance end here. */
  readonly listener: (connection: NamedConnection) => void;
}

export interface NamedConnection {
  readonly socket: Socket;
  readonly app: string;
  readonly name: string;
  readonly port: number;
  /** Address of the instance that connected. */
  readonly from: string;
  /** It came by a port of the host, from whoever has this address there. */
  readonly isFromHost?: true;
}

/**
 * By network, the names that are found on it, and for each the one of the app's names that answers. Instances find, and reach,
 * only what is on a network of theirs.
 */
export type NetworkNames = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A port of the host that is to lead to whoever answers to a name. */
export interface WantedPort extends PublishedPort {
  readonly name: string;
}

/** The one that does. */
export interface HostPort {
  readonly name: string;
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: PublishedPort['protocol'];
}

export type { Command, CommandEnd, Outbound };
