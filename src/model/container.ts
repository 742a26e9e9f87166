import type { Id } from './ids.ts';
import type { Run } from './run.ts';

/** When a container is started again that has ended by itself. JSON-safe. */
export interface RestartChoice {
  readonly condition: 'no' | 'on-failure' | 'always' | 'unless-stopped';
  /** Of `on-failure`, since somebody started it; 0 = without end. */
  readonly maxRetries: number;
}

/**
 * A container of the operator's: described once, and run as often as it is started. JSON-safe.
 *
 *   created --start--> running --ends--> exited --start--> running (a further run) ...
 *                         ^                 |
 *                         +-pause-(policy)--+
 *
 * Each life of it is a run, which settles once as every run does. The first has the id of its container.
 */
export interface ContainerRecord extends Pick<Run, 'id' | 'app' | 'args' | 'env' | 'options' | 'createdAt'> {
  readonly image: { readonly id: string; readonly reference: string };
  /** Its lives, oldest first; the last is that of now. Empty before its first start; of many, the last few. */
  readonly runs: readonly Id[];
  /** How often it was started again since somebody started it. */
  readonly restarts: number;
  /** Ends in a row that came soon; see decideRestart. */
  readonly quickEnds: number;
  /** Somebody ended it, who does not want it started again. */
  readonly isStopped: boolean;
}
