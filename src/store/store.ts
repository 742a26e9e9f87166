import type { Id } from '../model/ids.ts';
import type { AppModel } from '../model/app.ts';
import type { ContainerRecord } from '../model/container.ts';
import type { CallbackState, Run, RunState } from '../model/run.ts';
import type { ServiceEnd } from '../model/service-end.ts';
import type { ServicePlace } from '../model/service-place.ts';
import type { TimelineEvent } from '../model/timeline.ts';

/**
 * State on disk. Everything is asynchronous; a promise that resolves means that it is durable (synced), and concurrent
 * writes share a commit. Every method may reject with OUT_OF_DISK,
 * STATE_LOCKED or STATE_READ_ONLY, after which nothing of that call is stored.
 */
export interface Store {
  readonly runs: RunStore;
  readonly apps: AppStore;
  readonly timeline: TimelineStore;
  readonly schedules: ScheduleStore;
  readonly containers: ContainerStore;
  close(): Promise<void>;
}

export interface RunStore {
  /**
   * With an idempotency key that the app used in the last 24 h (by `createdAt`), answers the earlier run and stores
   * nothing. `input` is for stdin and is kept until the run is removed.
   */
  accept(run: Run, input?: Uint8Array): Promise<Run>;
  get(id: Id): Promise<Run | undefined>;
  /** What `accept` was given for stdin; undefined without any. */
  input(id: Id): Promise<Uint8Array | undefined>;
  /** Run whose id starts so, when exactly one does. */
  find(prefix: string): Promise<Run | undefined>;
  list(filter: RunFilter): Promise<readonly Run[]>;
  /**
   * Moves the run if it is still in `from` (one of them), and answers the row as it then is; undefined when it was not:
   * somebody else settled it first. Only along the edges of model/run.ts; to a settled state only with `endedAt`. What
   * goes back to `queued` has neither start nor instance any more, and begins at once without a `notBefore`.
   */
  move(id: Id, from: readonly RunState[], to: RunState, patch?: RunPatch): Promise<Run | undefined>;
  /**
   * Accepts `again`, with the input of the settled run, as what does that one once more, and answers it. One that is done once
   * more already answers the run that does so. Undefined where it is not settled, or not there.
   */
  retry(id: Id, again: Run): Promise<Run | undefined>;
  /** Whatever state it is in; undefined when it is not there. */
  setOptions(id: Id, options: Run['options']): Promise<Run | undefined>;
  /** Settled runs whose call-back is owed, in the order of their acceptance; those after that one, where one is given. */
  owing(after: Id | undefined, limit: number): Promise<readonly Run[]>;
  /** Of a call-back that is owed; "not there" and "not owed any more" are success. */
  settleCallback(id: Id, state: Exclude<CallbackState, 'owed'>): Promise<void>;
  /**
   * Runs whose output is beyond the `maxBytes` that ended last, the oldest first; not those that `expired` leaves to their containers or
   * for their call-backs.
   */
  ofExcessOutput(maxBytes: number, limit: number): Promise<readonly Run[]>;
  /** It counts no more, and is known to be gone. "Not there" is success. */
  markOutputRemoved(id: Id): Promise<void>;
  /** With its input. "Not there" is success. */
  remove(id: Id): Promise<void>;
  ledger(): Promise<Ledger>;
  /**
   * Settled runs that nobody needs any more, those that ended first at the front: older than `maxAgeMs`, or beyond the
   * `maxCount` that ended last. A run whose idempotency key still counts is only ever too old, never too many. A dead one waits
   * for somebody to look at it, until it is done once more or older than `maxDeadAgeMs`. What is a life of a container that is
   * there is its container's to remove, and none goes whose call-back is owed.
   */
  expired(retention: Retention): Promise<readonly Run[]>;
}

export interface Retention {
  /** Unix milliseconds. */
  readonly now: number;
  readonly maxAgeMs: number;
  readonly maxCount: number;
  readonly maxDeadAgeMs: number;
  readonly limit: number;
}

/** Where every run is that was ever accepted: accepted = waiting + inFlight + settled + dead + removed. Each is counted by itself. */
export interface Ledger {
  readonly accepted: number;
  readonly waiting: number;
  readonly inFlight: number;
  /** But for the dead. */
  readonly settled: number;
  readonly dead: number;
  /** Settled once, and not kept any more. */
  readonly removed: number;
}

/** How long a run answers to its idempotency key. */
export const idempotencyMs = 24 * 60 * 60 * 1000;

export type RunPatch = Partial<
  Pick<
    Run,
    | 'startedAt'
    | 'endedAt'
    | 'exitCode'
    | 'error'
    | 'instance'
    | 'attempts'
    | 'options'
    | 'notBefore'
    | 'failures'
    | 'outputBytes'
  >
>;

export interface RunFilter {
  readonly app?: string;
  readonly function?: string;
  readonly states?: readonly RunState[];
  readonly parent?: Id;
  /** Whether another run does it once more. */
  readonly isRetried?: boolean;
  /** Newest first; default 100. */
  readonly limit?: number;
  /** In the order of their acceptance; default `newest` first. */
  readonly order?: 'newest' | 'oldest';
  /** Only what comes after this run in that order: the next page. Nothing when there is no such run. */
  readonly after?: Id;
}

export interface AppStore {
  put(model: AppModel): Promise<void>;
  get(name: string): Promise<AppModel | undefined>;
  list(): Promise<readonly AppModel[]>;
  /** With the ends of its services and the ticks of its schedules. */
  remove(name: string): Promise<void>;
  /** Of each place the last. */
  putEnd(end: ServiceEnd): Promise<void>;
  /** "Not there" is success. */
  removeEnd(place: ServicePlace): Promise<void>;
  ends(): Promise<readonly ServiceEnd[]>;
}

export interface ContainerStore {
  /** In place of what it was before. */
  put(container: ContainerRecord): Promise<void>;
  /** The oldest first. */
  list(): Promise<readonly ContainerRecord[]>;
  /** Its runs stay, and are like others from then on. "Not there" is success. */
  remove(id: Id): Promise<void>;
}

export interface ScheduleStore {
  put(tick: ScheduleTick): Promise<void>;
  get(app: string, name: string, entry: string): Promise<ScheduleTick | undefined>;
  /** "Not there" is success. */
  remove(app: string, name: string, entry: string): Promise<void>;
}

/** The last tick of a schedule that was answered. */
export interface ScheduleTick {
  readonly app: string;
  readonly function: string;
  /** Which of the function's schedules. */
  readonly entry: string;
  /** Unix milliseconds. */
  readonly tick: number;
  /** The last run of it. */
  readonly run?: Id;
}

export interface TimelineStore {
  /** The last 100,000 events are kept. */
  append(event: TimelineEvent): Promise<void>;
  /** The newest `limit` (default 1,000) of those at or after `since`, oldest first. */
  list(filter: {
    readonly app?: string;
    readonly since?: number;
    readonly limit?: number;
  }): Promise<readonly TimelineEvent[]>;
}
