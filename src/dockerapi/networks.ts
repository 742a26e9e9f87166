import { MinkeError } from '../errors/index.ts';

/** Networks that the operator makes for containers of no app file. Who is on one finds the others on it by name, and nobody else. */
export interface Networks {
  list(): readonly Network[];
  /** By name, id, or the beginning of an id that only one has. */
  find(reference: string): Network | undefined;
  create(network: Pick<Network, 'name' | 'isInternal' | 'labels'>): Network;
  remove(name: string): void;
}

export interface Network {
  /** 64 hex digits. */
  readonly id: string;
  readonly name: string;
  /** Without a way to the outside. */
  readonly isInternal: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Unix milliseconds. */
  readonly createdAt: number;
}

/** @throws NO_SUCH */
export function findNetwork(networks: Pick<Networks, 'find'>, reference: string): Network {
  const network = networks.find(reference);
  if (network === undefined) throw new MinkeError('NO_SUCH', { kind: 'network', name: reference });
  return network;
}
