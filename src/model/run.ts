import type { PublishedPort } from './app.ts';
import type { Id } from './ids.ts';
import type { RestartChoice } from './container.ts';
import type { HealthcheckModel } from './health.ts';
import type { ContainerSettings, Outbound } from './instance.ts';

/**
 * A run is one execution of a task (or of an image) and moves only along these edges:
 *
 *   queued -> starting -> running -> succeeded | failed | timed-out | cancelled | dead
 *    ^ \         |  \________|_________^ (a start that fails settles it)
 *    |  \________|___________|_________^ cancelled, or too old, before it began
 *    \___________/___________/ an attempt that failed is tried again; an instance that was lost is no attempt
 *
 * `dead` is a run whose retries or whose greatest age are used up. `succeeded`, `failed`, `timed-out`, `cancelled` and `dead`
 * are settled: nothing leaves them. A lost daemon puts `starting` and `running` back to `queued` only when the run's
 * container is known to be gone; that is not an attempt of its own.
 */
export const runStates = [
  'queued',
  'starting',
  'running',
  'succeeded',
  'failed',
  'timed-out',
  'cancelled',
  'dead',
] as const;

export type RunState = (typeof runStates)[number];

const edges: Readonly<Record<RunState, readonly RunState[]>> = {
  queued: ['starting', 'cancelled', 'timed-out', 'failed', 'dead'],
  starting: ['running', 'queued', 'succeeded', 'failed', 'timed-out', 'cancelled', 'dead'],
  running: ['queued', 'succeeded', 'failed', 'timed-out', 'cancelled', 'dead'],
  succeeded: [],
  failed: [],
  'timed-out': [],
  cancelled: [],
  dead: [],
};

export const canMove = (from: RunState, to: RunState): boolean => edges[from].includes(to);

export const isSettled = (state: RunState): boolean => edges[state].length === 0;

/** What a run executes: a function of its app, or an image by reference. */
export type RunTarget = { readonly function: string } | { readonly image: string };

/** What the caller may set beyond target, arguments and environment. Absent means the target's own setting. */
export interface RunOptions {
  readonly entrypoint?: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly hostname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly memoryBytes?: number;
  readonly cpus?: number;
  readonly pids?: number;
  /** Of a task: how much of stdout is its result at most. */
  readonly resultBytes?: number;
  readonly readOnlyRoot?: boolean;
  readonly mounts?: readonly RunMount[];
  readonly privileged?: boolean;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly pidNamespace?: 'own' | 'host';
  readonly network?: 'app' | 'none';
  /** Of the operator's networks, in place of the app's own, which is `bridge` among them. */
  readonly attachments?: readonly RunAttachment[];
  /** Where outside of its network it may connect to; absent = everywhere that is public. */
  readonly outbound?: Outbound;
  /** Ports of the host that lead to it. */
  readonly ports?: readonly PublishedPort[];
  /** Kept after its end until it is removed by hand, as `docker run` without `--rm` does. */
  readonly keep?: boolean;
  readonly name?: string;
  /** `open`: the starter of the run may send input through `attach`; `none`: /dev/null. */
  readonly stdin?: 'none' | 'open';
  /** The end of the first attach that gives input is the end of it. */
  readonly stdinOnce?: boolean;
  /** It has a terminal; stdout and stderr are shown as one raw stream. */
  readonly tty?: boolean;
  /** How long a stop waits between SIGTERM and SIGKILL when the one who stops does not say. */
  readonly stopGraceMs?: number;
  /** Over its target's own. */
  readonly settings?: ContainerSettings;
  /** Of a container, over its image's. */
  readonly healthcheck?: HealthcheckModel | 'none';
  /** Of a container; absent = it is not started again. */
  readonly restart?: RestartChoice;
  /** What the reference of its image meant when its container was created; absent = what it means now. */
  readonly imageId?: string;
}

export interface RunAttachment {
  readonly network: string;
  /** Under which the others on it find it, beside its own name. */
  readonly aliases: readonly string[];
}

export interface RunMount {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  readonly source?: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** A volume that nobody has named: it may go with its container. */
  readonly isNameless?: boolean;
  /** tmpfs only; absent = the engine's default. */
  readonly sizeBytes?: number;
}

/** Each failed attempt is kept with its output. */
export const mostRetries = 100;

/** How often an attempt that fails is made again, and after which pauses. */
export interface RetryRules {
  /** Attempts beyond the first; 0 = none. */
  readonly max: number;
  /** Milliseconds before the second attempt; twice as long before each further one, up to `longestMs`. */
  readonly firstMs: number;
  readonly longestMs: number;
}

/** An attempt that failed and was not the last. */
export interface FailedAttempt {
  /** From 1. */
  readonly attempt: number;
  /** Absent where none was started; its output is kept as long as the run. */
  readonly instance?: Id;
  readonly endedAt: number;
  readonly exitCode?: number;
  readonly error: { readonly code: string; readonly message: string };
}

/** Where the end of a run is told. `owed` from its accept on, until it was `delivered`, or was `failed` to be for a day. */
export interface RunCallback {
  readonly url: string;
  readonly state: CallbackState;
}

export type CallbackState = 'owed' | 'delivered' | 'failed';

export interface Run {
  readonly id: Id;
  readonly app: string;
  readonly target: RunTarget;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly options: RunOptions;
  readonly state: RunState;
  /** Attempts begun so far. */
  readonly attempts: number;
  /** Unix milliseconds, all of them. */
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** It is not begun before; also the end of a pause between two attempts. */
  readonly notBefore?: number;
  /** When it has not begun by then, it is dead. */
  readonly expiresAt?: number;
  /** Absent = none. */
  readonly retries?: RetryRules;
  /** Oldest first, while the run goes on and after it. */
  readonly failures?: readonly FailedAttempt[];
  /** The settled run that this one does once more. */
  readonly retryOf?: Id;
  /** The run that does this one once more. */
  readonly retriedAs?: Id;
  /** Milliseconds that one attempt may take from its start; 0 = without end. */
  readonly timeoutMs: number;
  readonly exitCode?: number;
  /** Why it did not succeed, in words of the catalogue. */
  readonly error?: { readonly code: string; readonly message: string };
  /** The instance of the last attempt. */
  readonly instance?: Id;
  /** The run or instance that asked for this one. */
  readonly parent?: Id;
  /** It is a life of this container, which keeps it. */
  readonly container?: Id;
  readonly idempotencyKey?: string;
  readonly callback?: RunCallback;
  /** Of a settled run: how much is kept of what its attempts wrote, as far as its engine tells. */
  readonly outputBytes?: number;
  /** What it wrote had to go before it did. */
  readonly isOutputRemoved?: boolean;
}

/** Of all its attempts that had one. */
export const instancesOf = ({ failures = [], instance }: Pick<Run, 'failures' | 'instance'>): readonly Id[] =>
  [...failures.map((failed) => failed.instance), instance].filter((id) => id !== undefined);
