import type { ContainerRecord } from '../../model/container.ts';
import type { Health } from '../../model/health.ts';
import type { Id } from '../../model/ids.ts';

/** A container that is there, and what this daemon does about it. Changed by its lives (lives.ts) only. */
export interface Kept {
  record: ContainerRecord;
  /** The draft of its next life, which clients may be attached to before it starts. */
  next: Promise<Id> | undefined;
  /** False from a start until what follows from the end is decided, and done where it is to be started again. */
  isIdle: boolean;
  /** Ends the pause before a life that its policy asks for. */
  pause: AbortController | undefined;
  /** Its end is not the last, whatever its policy: it is being restarted. */
  isHeld: boolean;
  /** Of the life of now, where there is a check. */
  health: KeptHealth | undefined;
  /** Resolves when it is idle again. */
  done: Promise<void>;
}

export interface KeptHealth extends Health {
  /** The last few, oldest first. */
  readonly checks: readonly NonNullable<Health['last']>[];
}

export const newKept = (record: ContainerRecord): Kept => ({
  record,
  next: undefined,
  isIdle: true,
  pause: undefined,
  isHeld: false,
  health: undefined,
  done: Promise.resolve(),
});

/** Its run of now, or the last; none before its first start. */
export const currentRun = ({ record }: Kept): Id | undefined => record.runs.at(-1);
