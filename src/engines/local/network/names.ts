import type { NetworkNames } from '../../engine.ts';
import { nameAddress, type Subnet } from './addresses.ts';

/** The names of an app: which address each has, and who finds it. */
export interface Names {
  /** In the order of their addresses; never shortened, since containers keep the addresses they know. */
  all(): readonly string[];
  set(names: readonly string[], networks: NetworkNames | undefined): void;
  addressOf(name: string): string;
  /** The name that has this address. */
  at(address: string): string | undefined;
  /** Addresses of the names that are found on a network. */
  on(network: string): readonly string[];
  /** As seen from these networks; where two of them call different ones the same, the first network counts. */
  lookUp(name: string, networks: readonly string[]): string | undefined;
  /** Lines of /etc/hosts, as seen from these networks. */
  hosts(networks: readonly string[]): string;
}

export function createNames(subnet: Subnet, known: readonly string[]): Names {
  let all = known;
  let byNetwork: NetworkNames = {};
  const addressOf = (name: string): string => nameAddress(subnet, all.indexOf(name));
  const find = (name: string, networks: readonly string[]): string | undefined => {
    const network = networks.find((one) => Object.hasOwn(byNetwork[one] ?? {}, name));
    return network === undefined ? undefined : byNetwork[network]?.[name];
  };
  const lookUp = (name: string, networks: readonly string[]): string | undefined => {
    const found = find(name, networks);
    return found === undefined ? undefined : addressOf(found);
  };
  return {
    all: () => all,
    set: (names, networks) => {
      all = [...all, ...names.filter((name) => !all.includes(name))];
      byNetwork = networks ?? { default: Object.fromEntries(names.map((name) => [name, name])) };
    },
    addressOf,
    at: (address) => all.find((name) => addressOf(name) === address),
    on: (network) => [...new Set(Object.values(byNetwork[network] ?? {}))].map(addressOf),
    lookUp,
    hosts: (networks) => {
      const seen = new Set(networks.flatMap((network) => Object.keys(byNetwork[network] ?? {})));
      return [...seen].map((name) => `${lookUp(name, networks)} ${name}\n`).join('');
    },
  };
}
