import type { AppModel, ServiceModel } from '../../model/app.ts';
import type { Outbound } from '../../model/instance.ts';

/** Where its containers may go outside: nowhere if all its networks are internal, however much it may do by itself. */
export function outboundOf({ networks }: AppModel, service: ServiceModel): Outbound {
  const isInside = service.networks.every(({ network }) => networks[network]?.internal === true);
  return isInside ? 'none' : service.outbound;
}

/** The networks that it is on, in an order that does not depend on how they were written. */
export const networksOf = ({ networks }: ServiceModel): readonly string[] =>
  networks.map(({ network }) => network).toSorted();
