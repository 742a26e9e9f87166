import { join } from 'node:path';
import { isNamespace } from '../../linux/namespace.ts';
import type { InstanceSpec } from '../../model/instance.ts';
import { createLimitGroup, type LimitGroup } from './host/cgroups.ts';
import { endForkBombs } from './host/fork-bombs.ts';
import type { Context } from './context.ts';
import { gatewayAddress } from './network/addresses.ts';
import { slotFile, type Slot } from './network/slot.ts';
import { instanceFolder } from './places.ts';
import { mayChangeNetwork, reachOf, type InstanceRecord } from './record.ts';

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

export async function takeSeat(context: Context, spec: InstanceSpec): Promise<Seat> {
  if (spec.network === 'none') return await bareSeat(context, spec);
  const network = context.networks.of(spec.app);
  const isChanged = mayChangeNetwork(spec);
  const slot = await network.slots.acquire({ reach: reachOf(spec), limits: spec.limits, isChanged });
  return inSlot(context, spec, slot, { isChanged, folder: instanceFolder(context.places, spec.id, spec.streams) });
}

/** After a restart: the seat that a living instance has kept. */
export async function retakeSeat(context: Context, record: InstanceRecord): Promise<Seat> {
  const { summary, slot } = record;
  // A reboot may leave the record; it takes the namespace, and the instance with it.
  const isGone = slot === undefined || !isNamespace(slotFile(join(context.places.net, summary.app), slot));
  if (isGone) return await bareSeat(context, summary);
  const network = context.networks.of(summary.app);
  const kept = await network.slots.reclaim(slot, { reach: reachOf(record), limits: summary.limits });
  const folder = instanceFolder(context.places, summary.id, 'logs');
  return inSlot(context, summary, kept, { isChanged: record.mayChangeNetwork === true, folder });
}

function inSlot(
  context: Context,
  { app }: Pick<InstanceSpec, 'app'>,
  slot: Slot,
  { isChanged, folder }: { readonly isChanged: boolean; readonly folder: string },
): Seat {
  const network = context.networks.of(app);
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
      const verdict = slot.group.verdict() ?? (wasBomb ? 'pids-limit' : undefined);
      // The kernel's record of most processes never goes down, so a slot that met its limit would accuse the next; one whose
      // addresses, routes or rules were changed would deceive the next.
      await network.slots.release(slot, verdict !== 'pids-limit' && !isChanged);
      return verdict;
    },
  };
}

async function bareSeat(context: Context, spec: Pick<InstanceSpec, 'id' | 'limits'>): Promise<Seat> {
  const group = await createLimitGroup(`${context.places.cgroup}/alone/${spec.id}`);
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
