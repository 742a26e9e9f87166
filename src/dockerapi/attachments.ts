import { MinkeError } from '../errors/index.ts';
import type { RunAttachment, RunOptions } from '../model/run.ts';
import { allZero } from './create-fields.ts';
import { objectOf, wordsOf } from './json-values.ts';
import type { Json, JsonObject } from './json.ts';

/** What a container is on that says nothing of it, and what `docker network ls` calls it. */
export const ownNetwork = 'bridge';

/** The networks of a container, the first being that of its NetworkMode. */
export function attachmentsOf({ network, attachments }: RunOptions): readonly RunAttachment[] {
  if (network === 'none') return [];
  return attachments ?? [{ network: ownNetwork, aliases: [] }];
}

/** Those that the operator has made. */
export const madeNetworksOf = (options: RunOptions): readonly RunAttachment[] =>
  attachmentsOf(options).filter(({ network }) => network !== ownNetwork);

/** Without any, it has no network. */
export const withAttachments = (attachments: readonly RunAttachment[]): RunOptions => ({
  network: attachments.length === 0 ? 'none' : 'app',
  attachments,
});

/** `mode`: HostConfig.NetworkMode, which need not be among the endpoints. */
export function readNetworks(mode: string, isDisabled: boolean, endpoints: JsonObject): RunOptions {
  const asked = Object.entries(endpoints).map(([name, endpoint]) => readEndpoint(calledOwn(name), endpoint));
  const others = asked.filter(({ network }) => network !== 'none');
  if (mode === 'none' || isDisabled) return { network: 'none' };
  if (mode === 'host' || mode.includes(':')) {
    const reason = `"${mode}" is not "default", "bridge", "none" or a network that was created`;
    throw new MinkeError('NOT_SUPPORTED', { what: 'HostConfig.NetworkMode', reason });
  }
  const first = mode === '' && others.length > 0 ? others[0]?.network : calledOwn(mode);
  const own = others.find(({ network }) => network === first) ?? { network: first ?? ownNetwork, aliases: [] };
  const rest = others.filter(({ network }) => network !== first);
  if (own.network === ownNetwork && rest.length === 0) return { network: 'app' };
  return withAttachments([own, ...rest]);
}

/** What else an endpoint may ask for (addresses, drivers) is given by minke. @throws NOT_SUPPORTED */
export function readEndpoint(network: string, value: Json | undefined): RunAttachment {
  const path = `NetworkingConfig.EndpointsConfig.${network}`;
  const { Aliases: aliases, DNSNames: _, ...rest } = objectOf(value, path);
  const strange = Object.keys(rest).find((key) => !allZero(rest[key] ?? null));
  if (strange === undefined) return { network, aliases: wordsOf(aliases, `${path}.Aliases`) };
  throw new MinkeError('NOT_SUPPORTED', { what: `${path}.${strange}`, reason: 'addresses are given by minke' });
}

const calledOwn = (name: string): string => (['', 'default'].includes(name) ? ownNetwork : name);
