import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { MinkeError } from '../../../errors/index.ts';
import { inNetworkNamespace, isNamespace } from '../../../linux/namespace.ts';
import { createLimitGroup, removeGroupTree } from '../host/cgroups.ts';
import { instanceAddress, type Subnet } from './addresses.ts';
import { slotScript } from './commands.ts';
import { unlessStarted } from '../host/unless-started.ts';
import { changedFile, nowhere, sameReach, slotFile, type Reach, type Slot, type SlotRequest } from './slot.ts';

/** The slots of one app: taken by instances, given back, and made in batches ahead of need. */
export interface Slots {
  /** @throws OUT_OF_ADDRESSES */
  acquire(request: SlotRequest): Promise<Slot>;
  /** After a restart: the slot that a living instance is in. */
  reclaim(number: number, request: Omit<SlotRequest, 'isChanged'>): Promise<Slot>;
  /** Not reusable: it is taken apart. */
  release(slot: Slot, isReusable: boolean): Promise<void>;
  /** Takes up what an earlier life of the daemon made and no living instance has kept. Once, after every `reclaim`. */
  openFound(): Promise<void>;
  list(): readonly Slot[];
  /** Removes the cgroups; the namespaces go with the app's folder. */
  removeGroups(): Promise<void>;
}

export interface SlotsOptions {
  readonly app: string;
  readonly folder: string;
  readonly subnet: Subnet;
  /** The most slots at once. */
  readonly capacity: number;
  /** The app's namespace. */
  readonly namespace: string;
  /** cgroup below which slots have theirs. */
  readonly cgroup: string;
  /** Runs a shell script in the host's mount namespace. */
  readonly runOnHost: (what: string, script: string) => Promise<void>;
  /** Removes namespaces and files. */
  readonly takeApart: (files: readonly string[]) => Promise<void>;
  readonly seenFromDaemon: (path: string) => string;
  /** Called when a slot has come, or goes elsewhere than before. */
  readonly onChange: () => Promise<void>;
  /** Called before a slot whose instance has ended may be taken by another. */
  readonly onEmpty: (address: string) => Promise<void>;
}

const firstBatch = 2;
const largestBatch = 16;

export function createSlots(options: SlotsOptions): Slots {
  const { app, folder, subnet, capacity, namespace, cgroup, seenFromDaemon } = options;
  const { runOnHost, takeApart, onChange, onEmpty } = options;
  const fileOf = (number: number): string => slotFile(folder, number);
  const groupOf = (number: number): string => `${cgroup}/${app}/slot-${number}`;
  /** The mark goes last: a slot that was taken apart half-way is still marked. */
  const filesOf = (number: number): readonly string[] => [fileOf(number), changedFile(folder, number)];
  const slots = new Map<number, Slot>();
  const free: Slot[] = [];
  /** Numbers that are in use, also while they are being made or taken apart. */
  const taken = new Set<number>();
  let next = 0;
  let growing: Promise<void> | undefined;
  let opening: Promise<void> | undefined;

  const open = async (number: number, reach: Reach): Promise<Slot> => {
    const slot: Slot = {
      number,
      address: instanceAddress(subnet, number),
      namespace: seenFromDaemon(fileOf(number)),
      group: await createLimitGroup(groupOf(number)),
      reach,
    };
    slots.set(number, slot);
    taken.add(number);
    return slot;
  };

  /** What was given back longest ago comes first: the kernel takes its link apart in its own time. */
  const takeNumbers = (count: number): number[] => {
    const numbers: number[] = [];
    for (let looked = 0; looked < capacity && numbers.length < count; looked += 1) {
      if (!taken.has(next)) numbers.push(next);
      next = (next + 1) % capacity;
    }
    if (numbers.length === 0) throw new MinkeError('OUT_OF_ADDRESSES', { app, limit: capacity });
    for (const number of numbers) taken.add(number);
    return numbers;
  };

  /** Each is free again once it is gone; one that cannot be taken apart keeps its number, since its address is still there. */
  const dismantle = async (numbers: readonly number[]): Promise<void> => {
    await Promise.all(
      numbers.map(async (number) => {
        const slot = slots.get(number);
        slots.delete(number);
        await slot?.group.remove();
      }),
    );
    await takeApart(numbers.flatMap(filesOf));
    for (const number of numbers) taken.delete(number);
  };

  const make = async (numbers: readonly number[], reach: Reach, from?: string): Promise<readonly Slot[]> =>
    await unlessStarted(
      async () => await dismantle(numbers),
      async () => {
        const wanted = numbers.map((number) => ({
          number,
          address: instanceAddress(subnet, number),
          file: fileOf(number),
          ...(from === undefined ? {} : { from }),
        }));
        await runOnHost('slots', slotScript(namespace, subnet, wanted));
        const made = await Promise.allSettled(numbers.map(async (number) => await open(number, reach)));
        const failed = made.find((one) => one.status === 'rejected');
        if (failed !== undefined) throw failed.reason;
        await onChange();
        return made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      },
    );

  const makeAhead = async (reach: Reach): Promise<void> => {
    const count = Math.min(Math.max(slots.size, firstBatch), largestBatch);
    free.push(...(await make(takeNumbers(count), reach)));
  };

  /** One batch at a time, each as large as all before it, so that a burst waits for few of them. */
  const grow = async (reach: Reach): Promise<void> => {
    growing ??= makeAhead(reach).finally(() => {
      growing = undefined;
    });
    await growing;
  };

  const takeFree = async (reach: Reach): Promise<Slot | undefined> => {
    const same = free.findLastIndex((slot) => sameReach(slot.reach, reach));
    if (same >= 0) return free.splice(same, 1)[0];
    const slot = free.pop();
    if (slot === undefined) return undefined;
    slot.reach = reach;
    try {
      await onChange();
    } catch (error) {
      slot.reach = nowhere;
      free.push(slot);
      throw error;
    }
    return slot;
  };

  const take = async (reach: Reach, from: string | undefined): Promise<Slot> => {
    if (from !== undefined) {
      const [made] = await make(takeNumbers(1), reach, from);
      if (made !== undefined) return made;
    }
    let slot = await takeFree(reach);
    while (slot === undefined) {
      await grow(reach);
      slot = await takeFree(reach);
    }
    return slot;
  };

  const openFound = async (): Promise<void> => {
    const found = slotNumbers(folder);
    const isWhole = (number: number): boolean => !existsSync(changedFile(folder, number)) && hasAddress(fileOf(number));
    const unused = found.filter((number) => !slots.has(number));
    const broken = unused.filter((number) => !isWhole(number));
    if (broken.length > 0) await takeApart(broken.flatMap(filesOf));
    // Their counters tell of instances that ended with the daemon, and would accuse the next.
    await Promise.all(unused.map(async (number) => await removeGroupTree(groupOf(number))));
    free.push(...(await Promise.all(unused.filter(isWhole).map(async (number) => await open(number, nowhere)))));
  };

  return {
    acquire: async ({ reach, limits, isChanged, from }) => {
      const slot = await take(reach, from);
      try {
        await slot.group.limit(limits);
        if (isChanged) writeFileSync(changedFile(folder, slot.number), '');
      } catch (error) {
        if (from === undefined) free.push(slot);
        else await dismantle([slot.number]);
        throw error;
      }
      return slot;
    },
    reclaim: async (number, { reach, limits }) => {
      const slot = await open(number, reach);
      await slot.group.limit(limits);
      return slot;
    },
    release: async (slot, isReusable) => {
      slot.hostsFile = undefined;
      // Where that cannot be said, nobody is to have its address.
      const isEmpty = await onEmpty(slot.address).then(
        () => true,
        () => false,
      );
      if (isReusable && isEmpty) {
        free.push(slot);
        return;
      }
      await dismantle([slot.number]);
    },
    openFound: async () => await (opening ??= openFound()),
    list: () => [...slots.values()],
    removeGroups: async () => {
      await Promise.all([...slots.values()].map(async (slot) => await slot.group.remove()));
      slots.clear();
      taken.clear();
    },
  };
}

function slotNumbers(folder: string): number[] {
  return readdirSync(folder).flatMap((entry) => (entry.startsWith('slot-') ? [Number(entry.slice(5))] : []));
}

/** Its address is among the last that a slot gets; one whose making was cut short by the end of the daemon has none. */
const hasAddress = (file: string): boolean =>
  isNamespace(file) && inNetworkNamespace(file, networkInterfaces)['eth0'] !== undefined;
