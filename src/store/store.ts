import type { Id } from '../model/ids.ts';
import type { AppModel } from '../model/app.ts';
import type { Run, RunState } from '../model/run.ts';
import type { TimelineEvent } from '../model/timeline.ts';

/**
 * State on disk. Everything is asynchronous; a promise that resolves means that it is durable (synced), and concurrent
 * writes share a commit. Every method may reject with OUT_OF_DISK, after which nothing of that call is stored.
 */
export interface Store {
  readonly runs: RunStore;
  readonly apps: AppStore;
  readonly timeline: TimelineStore;
  close(): Promise<void>;
}

export interface RunStore {
  /** With an idempotency key that the app used in the last 24 h, answers the earlier run and stores nothing. */
  accept(run: Run): Promise<Run>;
  get(id: Id): Promise<Run | undefined>;
  /** Run whose id starts so, when exactly one does. */
  find(prefix: string): Promise<Run | undefined>;
  list(filter: RunFilter): Promise<readonly Run[]>;
  /**
   * Moves the run if it is still in `from` (one of them), and answers the row as it then is; undefined when it was not:
   * somebody else settled it first.
   */
  move(id: Id, from: readonly RunState[], to: RunState, patch?: RunPatch): Promise<Run | undefined>;
  remove(id: Id): Promise<void>;
}

export type RunPatch = Partial<
  Pick<Run, 'startedAt' | 'endedAt' | 'exitCode' | 'error' | 'instance' | 'attempts' | 'options'>
>;

export interface RunFilter {
  readonly app?: string;
  readonly function?: string;
  readonly states?: readonly RunState[];
  readonly parent?: Id;
  /** Newest first; default 100. */
  readonly limit?: number;
}

export interface AppStore {
  put(model: AppModel): Promise<void>;
  get(name: string): Promise<AppModel | undefined>;
  list(): Promise<readonly AppModel[]>;
  remove(name: string): Promise<void>;
}

export interface TimelineStore {
  append(event: TimelineEvent): Promise<void>;
  list(filter: {
    readonly app?: string;
    readonly since?: number;
    readonly limit?: number;
  }): Promise<readonly TimelineEvent[]>;
}
