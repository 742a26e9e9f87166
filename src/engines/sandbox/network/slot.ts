import { join } from 'node:path';
import type { InstanceLimits, Outbound } from '../../../model/instance.ts';
import type { LimitGroup } from '../host/cgroups.ts';

/**
 * A place for one instance: a network namespace with its address, and a cgroup with limits. Made ahead of need (making one
 * takes longer than a container) and used again by the same app.
 */
export interface Slot {
  readonly number: number;
  readonly address: string;
  /** File of the namespace as the runtime can open it. */
  readonly namespace: string;
  readonly group: LimitGroup;
  outbound: Outbound;
}

export interface SlotRequest {
  readonly outbound: Outbound;
  readonly limits: InstanceLimits;
  /** It is not used again, whoever gives it back: not even by a later life of the daemon. */
  readonly isChanged: boolean;
}

export const sameOutbound = (a: Outbound, b: Outbound): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Where a slot's namespace is mounted, in the folder of its app. */
export const slotFile = (folder: string, number: number): string => join(folder, `slot-${number}`);

/** Beside it: there while the slot has, or had, an instance that may change its addresses, routes and rules. */
export const changedFile = (folder: string, number: number): string => join(folder, `changed-${number}`);
