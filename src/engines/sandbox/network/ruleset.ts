import type { Outbound } from '../../../model/instance.ts';
import { gatewayAddress, notPublic, type Subnet } from './addresses.ts';

export interface RulesetRequest {
  readonly subnet: Subnet;
  /** Address of each name, and the instances that answer for it now. */
  readonly names: readonly { readonly address: string; readonly instances: readonly string[] }[];
  /** Addresses of instances, grouped by where they may go. */
  readonly outbound: readonly { readonly rule: Outbound; readonly instances: readonly string[] }[];
  /** Port of the daemon's listener in the app's namespace. */
  readonly listenerPort: number;
  /** IPv4 addresses of this host, never reached by `public`. */
  readonly hostAddresses: readonly string[];
}

/** Links to instances are this and the slot's number. */
export const instanceLink = 'slot';
export const tap = 'tap0';

/**
 * The nft rules of an app's namespace, whole, as one transaction (nft -f): chains are flushed and filled, never removed, so
 * that connections under way keep their translation.
 */
export function ruleset(request: RulesetRequest): string {
  const chains: Record<string, readonly string[]> = {
    prerouting: [
      'type nat hook prerouting priority dstnat; policy accept;',
      ...toInstances(request),
      ...toListener(request),
    ],
    postrouting: [
      'type nat hook postrouting priority srcnat; policy accept;',
      `oifname "${tap}" masquerade`,
      ...toItself(request),
    ],
    input: ['type filter hook input priority filter; policy drop;', ...input(request)],
    forward: [
      'type filter hook forward priority filter; policy drop;',
      `oifname "${instanceLink}*" ct state established,related accept`,
      `iifname "${instanceLink}*" oifname "${instanceLink}*" accept`,
      // On the way out every packet is judged: a slot is used again by instances that may go elsewhere, and what the last one
      // had established is not theirs.
      ...request.outbound.flatMap((group) => forward(group.rule, group.instances, request.hostAddresses)),
      'meta l4proto tcp reject with tcp reset',
      'reject with icmp type admin-prohibited',
    ],
  };
  const declared = Object.entries(chains).map(([name, [head = '']]) => `  chain ${name} { ${head} }`);
  const filled = Object.entries(chains).map(([name, [, ...rules]]) => chainBody(name, rules));
  const flushed = Object.keys(chains).map((name) => `flush chain ip minke ${name}`);
  return [`table ip minke {`, ...declared, '}', ...flushed, ...filled, ''].join('\n');
}

function chainBody(name: string, rules: readonly string[]): string {
  return rules.map((rule) => `add rule ip minke ${name} ${rule}`).join('\n');
}

/** New connections to a name take turns among its instances. */
function toInstances({ names }: RulesetRequest): string[] {
  return names.flatMap(({ address, instances }) => {
    if (instances.length === 0) return [];
    if (instances.length === 1) return [`ip daddr ${address} dnat to ${instances[0]}`];
    const turns = instances.map((instance, index) => `${index} : ${instance}`).join(', ');
    return [`ip daddr ${address} dnat to numgen inc mod ${instances.length} map { ${turns} }`];
  });
}

/** Every port of a name that nobody answers for: only the port is rewritten, so the listener still sees which name it was. */
function toListener({ names, listenerPort }: RulesetRequest): string[] {
  if (names.length === 0) return [];
  return [`iifname "${instanceLink}*" ip daddr ${anyName(names)} meta l4proto tcp dnat to :${listenerPort}`];
}

const anyName = (names: RulesetRequest['names']): string => `{ ${names.map(({ address }) => address).join(', ')} }`;

/** An instance that calls its own name would see itself as the caller, and drop that as forged. */
function toItself({ subnet, names }: RulesetRequest): string[] {
  const instances = [...new Set(names.flatMap((name) => name.instances))];
  return instances.map((address) => `ip saddr ${address} ip daddr ${address} snat to ${gatewayAddress(subnet)}`);
}

function input({ subnet, names, listenerPort }: RulesetRequest): string[] {
  return [
    'ct state established,related accept',
    'iifname "lo" accept',
    `iifname "${instanceLink}*" ip daddr ${gatewayAddress(subnet)} udp dport 53 accept`,
    `iifname "${instanceLink}*" ip daddr ${gatewayAddress(subnet)} tcp dport 53 accept`,
    ...(names.length === 0
      ? []
      : [`iifname "${instanceLink}*" ip daddr ${anyName(names)} tcp dport ${listenerPort} accept`]),
    `iifname "${instanceLink}*" meta l4proto icmp icmp type echo-request accept`,
    `iifname "${instanceLink}*" meta l4proto tcp reject with tcp reset`,
    `iifname "${instanceLink}*" reject`,
  ];
}

function forward(rule: Outbound, instances: readonly string[], hostAddresses: readonly string[]): string[] {
  if (rule === 'none' || instances.length === 0) return [];
  const from = `iifname "${instanceLink}*" oifname "${tap}" ip saddr { ${instances.join(', ')} }`;
  if (rule === 'public') {
    const refused = [...notPublic, ...hostAddresses.filter((one) => !isIn(one))].join(', ');
    return [`${from} ip daddr != { ${refused} } accept`];
  }
  return rule.map(({ cidr, port }) =>
    port === undefined
      ? `${from} ip daddr ${cidr} accept`
      : `${from} ip daddr ${cidr} meta l4proto { tcp, udp } th dport ${port} accept`,
  );
}

/** nft refuses overlapping elements in a set; host addresses inside a refused range are covered by it. */
function isIn(address: string): boolean {
  return notPublic.some((cidr) => contains(cidr, address));
}

function contains(cidr: string, address: string): boolean {
  const [base = '', bits = '32'] = cidr.split('/');
  const shift = 32 - Number(bits);
  return toNumber(base) >>> shift === toNumber(address) >>> shift;
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => ((sum << 8) | Number(part)) >>> 0, 0);
}
