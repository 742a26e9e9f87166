import type { WantedPort } from '../../engines/engine.ts';
import type { AppModel, ServiceModel } from '../../model/app.ts';
import type { AppNames } from './step.ts';

/** What the network of an app is to answer for. Pure. */
export function appNames(model: AppModel): AppNames {
  const services = Object.values(model.services);
  const used = [...new Set(services.flatMap(({ networks }) => networks.map(({ network }) => network)))];
  return {
    names: Object.keys(model.services).toSorted(),
    networks: Object.fromEntries(used.map((network) => [network, namesOn(network, services)])),
    ports: portsOf(model),
  };
}

export const portsOf = ({ services }: AppModel): readonly WantedPort[] =>
  Object.values(services).flatMap(({ name, published }) => published.map((port) => ({ ...port, name })));

/** A service's own name comes before the alias of another. */
function namesOn(network: string, services: readonly ServiceModel[]): Readonly<Record<string, string>> {
  const there = services.flatMap(({ name, aliases, networks }) =>
    networks
      .filter((attachment) => attachment.network === network)
      .map((attachment) => ({ name, aliases: [...aliases, ...attachment.aliases] })),
  );
  return Object.fromEntries([
    ...there.flatMap(({ name, aliases }) => aliases.map((alias) => [alias, name])),
    ...there.map(({ name }) => [name, name]),
  ]);
}
