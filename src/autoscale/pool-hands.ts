import type { Id } from '../model/ids.ts';
import type { TimelineEvent } from '../model/timeline.ts';
import type { Clock } from '../observe/clock.ts';

/** An instance as far as a pool must know it. */
export interface PooledInstance {
  readonly id: Id;
  /** Resolves when it is gone, for whatever reason. Never rejects. */
  readonly exited: Promise<unknown>;
}

/** What a pool needs done for its function; whoever wires the daemon supplies it. Nothing here retries. */
export interface PoolHands<I extends PooledInstance> {
  /** Asked anew each time, since an app file may change them without a new instance. */
  settings(): PoolSettings;
  /** What an instance that is started now is made from; undefined: there is no such function any more. */
  version(): string | undefined;
  /** Of the version that `version()` told last. */
  start(signal: AbortSignal): Promise<I>;
  /** Resolves when it takes requests; rejects when it will not, with the reason in full. */
  waitReady(instance: I, signal: AbortSignal): Promise<void>;
  /** It has no request any more. Resolves when it is gone; "already gone" is success. */
  stop(instance: I): Promise<void>;
  readonly clock: Clock;
  /** Kinds: function.scaled (to, reason), function.start-failed (error). */
  readonly record: (event: TimelineEvent) => void;
}

export interface PoolSettings {
  /** Instances. */
  readonly max: number;
  /** Requests that one instance takes at once. */
  readonly concurrency: number;
  /** An instance without a request for so long is removed. */
  readonly idleMs: number;
  /** Requests that may wait while `max` instances are at their limit. */
  readonly queueMax: number;
  /** An instance starts only when the one before it is gone, since they share files, say. `max` is 1 then. */
  readonly isAlone: boolean;
}

/** A request's hold on an instance: the instance is not taken away before it is given back. */
export interface Lease<I extends PooledInstance> {
  readonly instance: I;
  /** Gives it back; calling it again does nothing. */
  release(): void;
  /** Gives it back as one that does not answer: it gets no more requests and is replaced by the next need. */
  fail(): void;
}
