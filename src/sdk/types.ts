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

export interface RunFilter {
  readonly app?: string;
  readonly function?: string;
  readonly state?: RunState | readonly RunState[];
  /** Newest first; the daemon's default is 100. */
  readonly limit?: number;
}

/** Nothing leaves these states. */
export const isSettled = (state: RunState): boolean => !['queued', 'starting', 'running'].includes(state);
