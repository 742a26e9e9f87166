import type { Readable } from 'node:stream';
import type { ErrorBody } from '../errors/index.ts';
import type { ServiceKind } from '../model/app.ts';
import type { Id } from '../model/ids.ts';
import type { InstanceLimits } from '../model/instance.ts';
import type { CgiInstance } from './cgi/instance.ts';
import type { Upstream } from './proxy/upstream.ts';

export type { CgiInstance, Upstream };

/** The service or function that a request goes to, with all that the gateway must know of it. */
export interface Target {
  readonly app: string;
  readonly name: string;
  readonly kind: ServiceKind;
  /** Where an `http` function or a service listens; without meaning for `cgi` and `task`. */
  readonly port: number;
  /**
   * Milliseconds from the arrival of a request: `cgi` to the end of its answer, `http` and `service` to the head of it
   * (events, downloads and WebSockets may last). 0 = no limit. A `task` keeps its own time, per attempt.
   */
  readonly timeoutMs: number;
  /** `cgi`: containers at once; `task`: calls at once. `http`: kept by whoever supplies `connect`. */
  readonly concurrency: number;
  /** For the text of OUT_OF_MEMORY and PIDS_LIMIT. */
  readonly limits: Pick<InstanceLimits, 'memoryBytes' | 'pids'>;
  /** Requests that may wait; default: the gateway's limit. `http`: kept by whoever supplies `connect`. */
  readonly queueMax?: number;
}

/**
 * What the gateway wants of the rest of minke: somewhere for a request to go. Nothing here is retried by the supplier.
 * Each method rejects with a MinkeError, which becomes the answer, or with `signal.reason` once the signal has aborted;
 * by then it holds nothing for this caller any more.
 */
export interface Capacity {
  /** A fresh container for one request. `env` comes on top of the function's own. */
  startCgi(target: Target, options: CgiOptions): Promise<CgiInstance>;
  /** A connection to an instance that is ready. Waits for one, and starts one where there is none. */
  connect(target: Target, options: ConnectOptions): Promise<Upstream>;
  /** Resolves when the run is settled, with success or without; rejects when it could not be accepted. */
  runTask(target: Target, options: TaskOptions): Promise<TaskOutcome>;
  /**
   * A run of the function, which goes on without its caller. Resolves with its id when that is on disk; with the same key within 24
   * hours with the same one. @throws BAD_REQUEST for a key that is none
   */
  acceptLater(target: Target, call: LaterCall): Promise<Id>;
}

export interface LaterCall {
  readonly args: readonly string[];
  readonly env: Environment;
  /** For stdin; absent = none. */
  readonly input?: Uint8Array;
  /** As the caller sent it. */
  readonly idempotencyKey?: string;
  /** The instance that called. */
  readonly parent?: Id;
}

export interface ConnectOptions {
  readonly signal: AbortSignal;
  /** One that was kept will not do. */
  readonly isNew?: boolean;
}

export type Environment = Readonly<Record<string, string>>;

export interface CgiOptions {
  readonly env: Environment;
  readonly signal: AbortSignal;
  /** The instance that called. */
  readonly parent?: Id;
}

export interface TaskOptions {
  readonly args: readonly string[];
  readonly input: Readable;
  /** Aborts when the caller has gone. */
  readonly signal: AbortSignal;
  /** The instance that called. */
  readonly parent?: Id;
}

export interface TaskOutcome {
  readonly run: Id;
  readonly exitCode?: number;
  /** Why it did not succeed; absent = it did. */
  readonly error?: ErrorBody;
  /** All that it wrote to stdout, byte for byte. */
  readonly stdout: Readable;
}
