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
  reach: Reach;
  /** /etc/hosts of the instance that is in it. */
  hostsFile?: string | undefined;
}

/** Where an instance may go, and who may come to it. */
export interface Reach {
  readonly outbound: Outbound;
  /** Those of the app's networks that it is on. */
  readonly networks: readonly string[];
}

/** Of a slot for which the rules say nothing, or nothing that can be relied on. No instance asks for it. */
export const nowhere: Reach = { outbound: 'none', networks: [] };

export interface SlotRequest {
  /** File of a network namespace that becomes the slot, where whoever asks has made it; never used again. */
  readonly from?: string;
  readonly reach: Reach;
  readonly limits: InstanceLimits;
  /** It is not used again, whoever gives it back: not even by a later life of the daemon. */
  readonly isChanged: boolean;
}

export const sameReach = (a: Reach, b: Reach): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Where a slot's namespace is mounted, in the folder of its app. */
export const slotFile = (folder: string, number: number): string => join(folder, `slot-${number}`);

/** Beside it: there while the slot has, or had, an instance that may change its addresses, routes and rules. */
export const changedFile = (folder: string, number: number): string => join(folder, `changed-${number}`);
