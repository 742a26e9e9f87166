import type { Writable } from 'node:stream';
import type { LogChunk, LogOptions } from '../engines/engine.ts';
import type { Id } from '../model/ids.ts';
import type { InstanceExit, InstanceLimits } from '../model/instance.ts';
import type { RetryRules, Run, RunTarget } from '../model/run.ts';

/**
 * What tasks want of apps and engines: a run's target made into a living instance. Nothing here retries; tasks do.
 */
export interface Launcher {
  /**
   * What a run of this target gets where its request does not say. Asked before a run is accepted.
   * @throws TARGET_NOT_FOUND, IMAGE_NOT_FOUND and whatever else makes the run pointless.
   */
  settings(app: string, target: RunTarget): Promise<TargetSettings>;
  /**
   * How many runs of this target may live at once; asked whenever one could start, so that a new release counts at once.
   * At least 1, `Infinity` for no limit, and no error for a target that is gone: its launch says so.
   */
  concurrency(run: Pick<Run, 'app' | 'target'>): number;
  /**
   * Starts an instance whose id is `run.instance`. The id is in the run's row already, so that the instance is found
   * again however the daemon ends. `attempt` counts from 1. Rejects when nothing was started, also after an abort; an
   * abort that comes too late may be ignored, since the instance is stopped then.
   */
  launch(run: LaunchableRun, attempt: number, signal: AbortSignal): Promise<LaunchedRun>;
  /**
   * After a restart: the run's instance, living or ended meanwhile; undefined when it is gone without its exit. May
   * reject only when that cannot be told, which ends `recover`.
   */
  adopt(run: LaunchableRun): Promise<LaunchedRun | undefined>;
  /** What an instance wrote, living or ended, until `remove`. Empty (or INSTANCE_NOT_FOUND) when it never began. */
  logs(instance: Id, options: LogOptions): AsyncIterable<LogChunk>;
  /** How much of that is kept; 0 where its engine does not tell. */
  keptBytes(instance: Id): Promise<number>;
  /** Forgets an ended instance and its logs. "Not there" is success. */
  remove(instance: Id): Promise<void>;
}

export interface TargetSettings {
  /** Milliseconds for one attempt from its start; 0 = without end. */
  readonly timeoutMs: number;
  /** Absent = none. */
  readonly retries?: RetryRules;
  /** Milliseconds from its accept, or from when it may begin, until it must have begun; absent = however long it takes. */
  readonly maxAgeMs?: number;
  /** URL that is told of its end. */
  readonly callback?: string;
}

export type LaunchableRun = Run & { readonly instance: Id };

export interface LaunchedRun {
  readonly instance: Id;
  /** Unix milliseconds; the time-out counts from here. */
  readonly startedAt: number;
  readonly limits: InstanceLimits;
  /** With `options.stdin: open`, except after an adoption: it ended with the daemon that held it. */
  readonly stdin?: Writable;
  /** Never rejects; resolves after the last byte of output was recorded. */
  readonly exited: Promise<InstanceExit>;
  /** SIGTERM, `graceMs`, SIGKILL; 0 = SIGKILL at once. Idempotent, and a shorter grace wins over one under way. */
  stop(graceMs: number): Promise<void>;
}
