import type { Outbound } from '../../../model/instance.ts';
import { gatewayAddress, notPublic, type Subnet } from './addresses.ts';

export interface RulesetRequest {
  readonly subnet: Subnet;
  /** Address of each name, and the instances that answer for it now. */
  readonly names: readonly { readonly address: string; readonly instances: readonly string[] }[];
  /** Addresses of the names and of the instances that are on each network: who reaches whom. */
  readonly networks: readonly { readonly names: readonly string[]; readonly members: readonly string[] }[];
  /** What comes in by ports of the host, and the instances that it is for now. */
  readonly ports: readonly RulesetPort[];
  /** Addresses of instances, grouped by where they may go. */
  readonly outbound: readonly { readonly rule: Outbound; readonly instances: readonly string[] }[];
  /** Port of the daemon's listener in the app's namespace. */
  readonly listenerPort: number;
  /** IPv4 addresses of this host, never reached by `public`. */
  readonly hostAddresses: readonly string[];
}

export interface RulesetPort {
  /** At the app's own end of its way to the outside. */
  readonly guestPort: number;
  readonly protocol: 'tcp' | 'udp';
  readonly containerPort: number;
  readonly instances: readonly string[];
}

/** Links to instances are this and the slot's number. */
export const instanceLink = 'slot';
export const tap = 'tap0';
/** What lies between that and the host (slirp4netns(1)): the app's own end is .100, the host .2. */
export const tapRange = '10.0.2.0/24';
export const tapAddress = '10.0.2.100';

const fromInstance = `iifname "${instanceLink}*"`;
const toInstance = `oifname "${instanceLink}*"`;
const set = (addresses: readonly string[]): string => `{ ${[...new Set(addresses)].join(', ')} }`;

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
      ...fromHost(request),
    ],
    postrouting: [
      'type nat hook postrouting priority srcnat; policy accept;',
      `oifname "${tap}" masquerade`,
      ...toItself(request),
    ],
    input: ['type filter hook input priority filter; policy drop;', ...input(request)],
    forward: [
      'type filter hook forward priority filter; policy drop;',
      `iifname "${tap}" ${toInstance} ct direction reply ct state established,related accept`,
      // Both ways, and of no connection is remembered that it was allowed: its slot may be another's by now.
      ...request.networks.flatMap(({ members }) => among(members)),
      ...forwardPorts(request),
      // Its own rule, since the process at the other end leads what is sent there to the host itself.
      `${fromInstance} oifname "${tap}" ip daddr ${tapRange} goto refused`,
      // On the way out every packet is judged: a slot is used again by instances that may go elsewhere, and what the last one
      // had established is not theirs.
      ...request.outbound.flatMap((group) => forward(group.rule, group.instances, request.hostAddresses)),
      'goto refused',
    ],
    // What instances may reach of the names on their own networks while nobody answers for them.
    named: ['', `tcp dport ${request.listenerPort} accept`, 'icmp type echo-request accept'],
    refused: ['', 'meta l4proto tcp reject with tcp reset', 'reject with icmp type admin-prohibited'],
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
    return [`ip daddr ${address} dnat to ${inTurns(instances)}`];
  });
}

function inTurns(targets: readonly string[]): string {
  return `numgen inc mod ${targets.length} map { ${targets.map((target, index) => `${index} : ${target}`).join(', ')} }`;
}

/** A port of the host leads where the name leads, or to the listener, which sees by the port that it came to what it is for. */
function fromHost({ ports, listenerPort }: RulesetRequest): string[] {
  return ports.flatMap(({ guestPort, protocol, containerPort, instances }) => {
    const arriving = `iifname "${tap}" ip daddr ${tapAddress} ${protocol} dport ${guestPort}`;
    if (instances.length === 1) return [`${arriving} dnat to ${instances[0]}:${containerPort}`];
    if (instances.length > 1)
      return [`${arriving} dnat ip to ${inTurns(instances.map((instance) => `${instance} . ${containerPort}`))}`];
    return protocol === 'tcp' ? [`${arriving} dnat to :${listenerPort}`] : [];
  });
}

/** Inwards to what is published, and back out only what answers that: this opens no way out. */
function forwardPorts({ ports }: RulesetRequest): string[] {
  const inwards = ports
    .filter(({ instances }) => instances.length > 0)
    .map(
      ({ protocol, containerPort, instances }) =>
        `iifname "${tap}" ${toInstance} ip daddr ${set(instances)} ${protocol} dport ${containerPort} ct status dnat accept`,
    );
  const published = ports.flatMap(({ instances }) => instances);
  if (published.length === 0) return [];
  const back = `${fromInstance} oifname "${tap}" ip saddr ${set(published)} ct direction reply`;
  return [...new Set(inwards), `${back} ct state established,related accept`];
}

function among(members: readonly string[]): string[] {
  if (members.length === 0) return [];
  return [`${fromInstance} ${toInstance} ip saddr ${set(members)} ip daddr ${set(members)} accept`];
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

function input({ subnet, networks, ports, listenerPort }: RulesetRequest): string[] {
  return [
    'ct state established,related accept',
    'iifname "lo" accept',
    `iifname "${instanceLink}*" ip daddr ${gatewayAddress(subnet)} udp dport 53 accept`,
    `iifname "${instanceLink}*" ip daddr ${gatewayAddress(subnet)} tcp dport 53 accept`,
    `${fromInstance} ip daddr ${gatewayAddress(subnet)} icmp type echo-request accept`,
    ...networks
      .filter(({ names, members }) => names.length > 0 && members.length > 0)
      .map(({ names, members }) => `${fromInstance} ip saddr ${set(members)} ip daddr ${set(names)} jump named`),
    ...(ports.length === 0 ? [] : [`iifname "${tap}" tcp dport ${listenerPort} ct status dnat accept`]),
    `${fromInstance} meta l4proto tcp reject with tcp reset`,
    `${fromInstance} reject`,
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
