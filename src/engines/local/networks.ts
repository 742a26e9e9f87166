import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { Engine, Networks } from '../engine.ts';
import { subnetCount } from './network/addresses.ts';
import { createAppNetwork, hostAddresses, type AppNetwork } from './network/app-network.ts';
import type { PortRequest } from './network/choose-ports.ts';
import { readState } from './network/state.ts';
import type { Starter } from './starter/client.ts';

/** The apps' networks by name. */
export interface LocalNetworks extends Networks {
  /** Throws NETWORK_FAILED when the app has none. */
  of(app: string): AppNetwork;
  close(): void;
  removeAll(): Promise<void>;
}

/** One whose networks another engine of this daemon may have its instances in. */
export type LocalEngine = Engine & { readonly networks: LocalNetworks };

/** How long an address that the host is given may be reachable from its containers, at most. Looking takes 0.1 ms. */
const addressCheckMs = 2000;

export interface NetworkPlaces {
  /** Folder of the apps' networks. */
  readonly net: string;
  /** The daemon's cgroup below each controller. */
  readonly cgroup: string;
}

export interface NetworksOptions {
  readonly places: NetworkPlaces;
  readonly starter: Starter;
  readonly clock: Clock;
  readonly log: Log;
  readonly addressesPerApp: number;
}

export function createNetworks({ places, starter, clock, log, addressesPerApp }: NetworksOptions): LocalNetworks {
  const networks = new Map<string, AppNetwork>();
  const stopWatching = watchAddresses(async () => {
    await Promise.all([...networks.values()].map(async (network) => await network.refresh()));
  });

  const open = (app: string): AppNetwork => {
    const folder = join(places.net, app);
    const index = readState(join(folder, 'state.json'))?.subnet ?? freeSubnet(app, places.net, networks);
    const ownerOf: PortRequest['ownerOf'] = ({ hostPort, protocol }) =>
      [...networks].find(
        ([name, network]) =>
          name !== app && network.ports().some((port) => port.hostPort === hostPort && port.protocol === protocol),
      )?.[0];
    return createAppNetwork({
      app,
      folder,
      subnet: { index },
      cgroup: places.cgroup,
      starter,
      clock,
      log,
      addressesPerApp,
      ownerOf,
    });
  };

  const of = (app: string): AppNetwork => {
    const known = networks.get(app);
    if (known !== undefined) return known;
    if (!existsSync(join(places.net, app))) throw new MinkeError('NETWORK_FAILED', { app, reason: 'it has none yet' });
    const found = open(app);
    networks.set(app, found);
    return found;
  };

  const remove = async (app: string): Promise<void> => {
    if (!networks.has(app) && !existsSync(join(places.net, app))) return;
    const network = of(app);
    networks.delete(app);
    await network.remove();
  };

  return {
    of,
    ensure: async (spec) => {
      const network = networks.get(spec.app) ?? open(spec.app);
      networks.set(spec.app, network);
      await network.ensure(spec);
    },
    publish: async (app, name, addresses) => await of(app).publish(name, addresses),
    ports: (app) => networks.get(app)?.ports() ?? [],
    checkPorts: async (app, ports) => await (networks.get(app) ?? open(app)).checkPorts(ports),
    releasePorts: async () => {
      await Promise.all([...networks.values()].map(async (network) => await network.releasePorts()));
    },
    connect: async (app, address, port, signal) => await of(app).connect(address, port, signal),
    remove,
    close: () => {
      stopWatching();
      for (const network of networks.values()) network.close();
    },
    removeAll: async () => {
      for (const app of new Set([...networks.keys(), ...foldersOf(places.net)])) await remove(app);
    },
  };
}

/** Calls when the host's addresses are others than before, until it has succeeded. Answers how to stop. */
function watchAddresses(onChange: () => Promise<void>): () => void {
  let known = hostAddresses().join();
  const look = async (): Promise<void> => {
    const [before, now] = [known, hostAddresses().join()];
    if (now === before) return;
    known = now;
    await onChange().catch(() => {
      known = before;
    });
  };
  // The kernel cannot be asked while no descriptor is left.
  const timer = setInterval(() => void look().catch(() => undefined), addressCheckMs);
  timer.unref();
  return () => clearInterval(timer);
}

function freeSubnet(app: string, folder: string, networks: ReadonlyMap<string, AppNetwork>): number {
  const onDisk = foldersOf(folder).map((app) => readState(join(folder, app, 'state.json'))?.subnet);
  const taken = new Set([...onDisk, ...[...networks.values()].map((network) => network.subnet.index)]);
  const free = Array.from({ length: subnetCount }, (_, index) => index).find((index) => !taken.has(index));
  if (free === undefined) throw new MinkeError('OUT_OF_NETWORKS', { app, limit: subnetCount });
  return free;
}

const foldersOf = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);
