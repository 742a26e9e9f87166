import { readFileSync } from 'node:fs';
import type { Network, Networks } from '../../dockerapi/networks.ts';
import { writeWhole } from '../../linux/write-whole.ts';
import { newId } from '../../model/ids.ts';
import type { Clock } from '../../observe/clock.ts';

/** Kept in a file: there is nothing else of a network that nobody is on. */
export function createDockerNetworks(file: string, clock: Clock): Networks {
  const networks = new Map(readNetworks(file).map((network) => [network.name, network]));
  const save = (): void => writeWhole(file, JSON.stringify([...networks.values()]));
  return {
    list: () => [...networks.values()],
    find: (reference) => {
      const byName = networks.get(reference);
      if (byName !== undefined || !/^[0-9a-f]{4,64}$/.test(reference)) return byName;
      const found = [...networks.values()].filter(({ id }) => id.startsWith(reference));
      return found.length === 1 ? found[0] : undefined;
    },
    create: (asked) => {
      const network = { ...asked, id: newId(), createdAt: clock.now() };
      networks.set(network.name, network);
      save();
      return network;
    },
    remove: (name) => {
      networks.delete(name);
      save();
    },
  };
}

function readNetworks(file: string): readonly Network[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as readonly Network[];
  } catch {
    return []; // None was ever made.
  }
}
