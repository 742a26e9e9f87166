import type { Id } from '../model/ids.ts';
import type { InstanceLimits, TerminalSize } from '../model/instance.ts';

/**
 * What an engine may be able to do with living instances beyond the contract. All of it rejects with INSTANCE_NOT_FOUND where no such
 * instance lives.
 */
export interface Controls {
  /** Its processes get no more time until `resume`. Both are idempotent, and an end of it needs no `resume`. */
  pause(id: Id): Promise<void>;
  resume(id: Id): Promise<void>;
  isPaused(id: Id): boolean;
  /** Of its terminal; false where it has none, or none yet. */
  resize(id: Id, size: TerminalSize): boolean;
  /** From now on it has these, which may be less than it uses. */
  limit(id: Id, limits: InstanceLimits): Promise<void>;
  measure(id: Id): Promise<Usage>;
  /** On the host. */
  processes(id: Id): readonly number[];
}

/** What it has used since its start, but for what says `now`. */
export interface Usage {
  readonly cpuNs: number;
  readonly memoryNowBytes: number;
  readonly memoryMostBytes: number;
  /** Of the memory now, what the kernel may drop at any time. */
  readonly memoryFileBytes: number;
  /** 0 = none. */
  readonly memoryLimitBytes: number;
  readonly processesNow: number;
  readonly processesLimit: number;
  /** Of its network's link; absent without a network. */
  readonly network?: { readonly name: string } & Traffic;
}

export interface Traffic {
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
}
