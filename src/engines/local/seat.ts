import { join } from 'node:path';
import { isNamespace } from '../../linux/namespace.ts';
import type { InstanceLimits, InstanceSpec, Outbound } from '../../model/instance.ts';
import type { InstanceSummary } from '../engine.ts';
import { createLimitGroup, isFrozen, thawGroup, type LimitGroup } from './host/cgroups.ts';
import { endForkBombs } from './host/fork-bombs.ts';
import { gatewayAddress } from './network/addresses.ts';
import { slotFile, type Reach, type Slot } from './network/slot.ts';
import type { LocalNetworks, NetworkPlaces } from './networks.ts';

/** What an instance takes up while it lives: a slot of its app's network, or only a cgroup when it has no network. */
export interface Seat {
  readonly slot: number | undefined;
  readonly address: string | undefined;
  readonly namespace: string | undefined;
  /** The app's resolver, as its instances reach it. */
  readonly resolver: string | undefined;
  readonly group: LimitGroup;
  /** Lines of /etc/hosts for the names on its networks. */
  hosts(): string;
  /** Of a name on one of its networks. */
  readonly addressOf: (name: string) => string | undefined;
  /** Why the kernel ended it, if it did; asked once, when the instance has ended. */
  leave(): Promise<'out-of-memory' | 'pids-limit' | undefined>;
}

export interface SeatMeans {
  readonly networks: LocalNetworks;
  readonly places: NetworkPlaces;
}

/** What is remembered of a seat, so that the next life of the daemon can take it again. */
export interface SeatRecord {
  readonly summary: InstanceSummary;
  readonly slot: number | undefined;
  readonly outbound: Outbound;
  /** Absent in records from when an app had one network. */
  readonly networks?: readonly string[];
  /** Its slot is not used again. */
  readonly mayChangeNetwork?: boolean;
}

export const withLimits = <T extends SeatRecord>(record: T, limits: InstanceLimits): T => ({
  ...record,
  summary: { ...record.summary, limits },
});

/** `folder`: where its /etc/hosts lies. `from`: file of the network namespace that it is to be in, where that is made already. */
export async function takeSeat(
  means: SeatMeans,
  spec: InstanceSpec,
  { folder, from }: { readonly folder: string; readonly from?: string },
): Promise<Seat> {
  if (spec.network === 'none') return await bareSeat(means, spec);
  const network = means.networks.of(spec.app);
  const isChanged = from !== undefined || mayChangeNetwork(spec);
  const request = { reach: reachOf(spec), limits: spec.limits, isChanged };
  const slot = await network.slots.acquire(from === undefined ? request : { ...request, from });
  return inSlot(means, spec, slot, { isChanged, folder });
}

/** After a restart: the seat that a living instance has kept. */
export async function retakeSeat(means: SeatMeans, record: SeatRecord, folder: string): Promise<Seat> {
  const { summary, slot } = record;
  // A reboot may leave the record; it takes the namespace, and the instance with it.
  const isGone = slot === undefined || !isNamespace(slotFile(join(means.places.net, summary.app), slot));
  if (isGone) return await bareSeat(means, summary);
  const network = means.networks.of(summary.app);
  const kept = await network.slots.reclaim(slot, { reach: reachOf(record), limits: summary.limits });
  return inSlot(means, summary, kept, { isChanged: record.mayChangeNetwork === true, folder });
}

export const reachOf = ({ outbound, networks = ['default'] }: Pick<SeatRecord, 'outbound' | 'networks'>): Reach => ({
  outbound,
  networks,
});

/** With these it may set addresses, routes and packet rules of its network namespace (capabilities(7)); a sysctl changes it too. */
export function mayChangeNetwork({
  privileged,
  capAdd,
  settings,
}: Pick<InstanceSpec, 'privileged' | 'capAdd' | 'settings'>): boolean {
  if (Object.keys(settings?.sysctls ?? {}).some((name) => name.startsWith('net.'))) return true;
  return privileged || capAdd.some((name) => /^(?:ALL|(?:CAP_)?(?:NET_ADMIN|SYS_ADMIN))$/i.test(name));
}

function inSlot(
  means: SeatMeans,
  { app }: Pick<InstanceSpec, 'app'>,
  slot: Slot,
  { isChanged, folder }: { readonly isChanged: boolean; readonly folder: string },
): Seat {
  const network = means.networks.of(app);
  const bombs = endForkBombs(slot.group);
  const { networks } = slot.reach;
  slot.hostsFile = join(folder, 'hosts');
  return {
    slot: slot.number,
    address: slot.address,
    namespace: slot.namespace,
    resolver: gatewayAddress(network.subnet),
    group: slot.group,
    hosts: () => network.hosts(networks),
    addressOf: (name) => network.addressOf(name, networks),
    leave: async () => {
      const wasBomb = bombs.stop();
      // Whoever comes into it next would not run.
      if (isFrozen(slot.group.path)) thawGroup(slot.group.path);
      const verdict = slot.group.verdict() ?? (wasBomb ? 'pids-limit' : undefined);
      // The kernel's record of most processes never goes down, so a slot that met its limit would accuse the next; one whose
      // addresses, routes or rules were changed would deceive the next.
      await network.slots.release(slot, verdict !== 'pids-limit' && !isChanged);
      return verdict;
    },
  };
}

async function bareSeat({ places }: SeatMeans, spec: Pick<InstanceSpec, 'id' | 'limits'>): Promise<Seat> {
  const group = await createLimitGroup(`${places.cgroup}/alone/${spec.id}`);
  await group.limit(spec.limits);
  const bombs = endForkBombs(group);
  return {
    slot: undefined,
    address: undefined,
    namespace: undefined,
    resolver: undefined,
    group,
    hosts: () => '',
    addressOf: () => undefined,
    leave: async () => {
      const wasBomb = bombs.stop();
      const verdict = group.verdict() ?? (wasBomb ? 'pids-limit' : undefined);
      await group.remove();
      return verdict;
    },
  };
}
