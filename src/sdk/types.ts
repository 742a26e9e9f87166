/** The SDK's own view of a run, so that it stands alone: what the API answers, less what only a daemon needs. */

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

export interface Run {
  /** 64 hex digits. */
  readonly id: string;
  readonly app: string;
  readonly target: { readonly function: string } | { readonly image: string };
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly state: RunState;
  /** Attempts begun so far. */
  readonly attempts: number;
  /** Unix milliseconds, all three. */
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** Unix milliseconds, both: it is not begun before, also between two attempts; when it has not begun by then, it is dead. */
  readonly notBefore?: number;
  readonly expiresAt?: number;
  /** Absent = none. */
  readonly retries?: RetryRules;
  /** Attempts that failed and were not the last, oldest first. */
  readonly failures?: readonly FailedAttempt[];
  /** Told of its end: yet to be, done, or given up after a day. */
  readonly callback?: { readonly url: string; readonly state: 'owed' | 'delivered' | 'failed' };
  /** The settled run that this one does once more, and the one that does this one once more. */
  readonly retryOf?: string;
  readonly retriedAs?: string;
  /** Milliseconds that one attempt may take; 0 = without end. */
  readonly timeoutMs: number;
  /** 0-255 as a shell gives it: 128 + n for signal n. */
  readonly exitCode?: number;
  /** Why it did not succeed. */
  readonly error?: { readonly code: string; readonly message: string };
  readonly instance?: string;
  /** The run or instance that asked for this one. */
  readonly parent?: string;
}

/** How often an attempt that fails is made again. Milliseconds: the first pause, twice as long each time up to the longest. */
export interface RetryRules {
  /** Attempts beyond the first; 0 = none. */
  readonly max: number;
  readonly firstMs: number;
  readonly longestMs: number;
}

export interface FailedAttempt {
  /** From 1. */
  readonly attempt: number;
  readonly instance?: string;
  readonly endedAt: number;
  readonly exitCode?: number;
  readonly error: { readonly code: string; readonly message: string };
}

/** Where every run is that was ever accepted: accepted = waiting + inFlight + settled + dead + removed. */
export interface Ledger {
  readonly accepted: number;
  readonly waiting: number;
  readonly inFlight: number;
  /** But for the dead. */
  readonly settled: number;
  readonly dead: number;
  readonly removed: number;
}

/** What a run gets beyond its target, arguments and environment; absent = the target's own. Only the operator may set it. */
export interface ContainerOptions {
  readonly entrypoint?: readonly string[];
  readonly workdir?: string;
  /** `uid`, `uid:gid`, `name` or `name:group`. */
  readonly user?: string;
  readonly hostname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** 0 = no limit. */
  readonly memoryBytes?: number;
  /** Cores, 0.5 = half of one; 0 = no limit. */
  readonly cpus?: number;
  /** Processes and threads together. */
  readonly pids?: number;
  /** Of a task: how much of stdout is its result at most. */
  readonly resultBytes?: number;
  readonly readOnlyRoot?: boolean;
  readonly mounts?: readonly ContainerMount[];
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  /** `none`: only a loopback device. */
  readonly network?: 'app' | 'none';
}

export interface ContainerMount {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  /** A folder of the host or the name of a volume. */
  readonly source?: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Of a tmpfs. */
  readonly sizeBytes?: number;
}

export interface RunFilter {
  readonly app?: string;
  readonly function?: string;
  readonly state?: RunState | readonly RunState[];
  /** Whether another run does it once more. */
  readonly retried?: boolean;
  /** Newest first; the daemon's default is 100. */
  readonly limit?: number;
}

/** Nothing leaves these states. */
export const isSettled = (state: RunState): boolean => !['queued', 'starting', 'running'].includes(state);
