import type { Outbound } from '../../../model/instance.ts';
import type { Names } from './names.ts';
import type { RulesetRequest } from './ruleset.ts';
import type { Slot } from './slot.ts';

/** Who may go where: instances on each network, and those with the same way out. */
export function groupsOf(slots: readonly Slot[], names: Names): Pick<RulesetRequest, 'networks' | 'outbound'> {
  const networks = [...new Set(slots.flatMap(({ reach }) => reach.networks))];
  const byOutbound = Map.groupBy(slots, ({ reach }) => JSON.stringify(reach.outbound));
  return {
    networks: networks.map((network) => ({
      names: names.on(network),
      members: slots.filter(({ reach }) => reach.networks.includes(network)).map(({ address }) => address),
    })),
    outbound: [...byOutbound].map(([rule, members]) => ({
      rule: JSON.parse(rule) as Outbound,
      instances: members.map(({ address }) => address),
    })),
  };
}
