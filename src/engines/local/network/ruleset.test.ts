import { describe, expect, it } from 'vitest';
import { ruleset, type RulesetRequest } from './ruleset.ts';

const request: RulesetRequest = {
  subnet: { index: 0 },
  names: [
    { address: '10.64.128.1', instances: [] },
    { address: '10.64.128.2', instances: ['10.64.1.1'] },
    { address: '10.64.128.3', instances: ['10.64.1.2', '10.64.1.3'] },
  ],
  networks: [
    { names: ['10.64.128.1', '10.64.128.2'], members: ['10.64.1.1', '10.64.1.2'] },
    { names: ['10.64.128.3'], members: ['10.64.1.2', '10.64.1.3'] },
  ],
  ports: [],
  outbound: [],
  listenerPort: 65_001,
  hostAddresses: ['127.0.0.1', '192.168.1.20', '203.0.113.1'],
};

/** The rules of a chain, in their order. */
function chain(name: string, changes: Partial<RulesetRequest> = {}): string[] {
  const start = `add rule ip minke ${name} `;
  const lines = ruleset({ ...request, ...changes }).split('\n');
  return lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));
}

const toOutside = (rules: readonly string[]): string[] => rules.filter((rule) => rule.includes('oifname "tap0"'));
/** Before all that is allowed: what would be led to the host itself. */
const hostRefused = 'iifname "slot*" oifname "tap0" ip daddr 10.0.2.0/24 goto refused';

describe('the rules of an app', () => {
  it('drop what they do not name', () => {
    const text = ruleset(request);
    for (const hook of ['input', 'forward']) {
      expect(text).toContain(`hook ${hook} priority filter; policy drop;`);
    }
  });

  it('flush each chain before they fill it, in one transaction', () => {
    const lines = ruleset(request).split('\n');
    for (const name of ['prerouting', 'postrouting', 'input', 'forward']) {
      const flushed = lines.indexOf(`flush chain ip minke ${name}`);
      expect(flushed).toBeGreaterThan(0);
      expect(lines.findIndex((line) => line.startsWith(`add rule ip minke ${name} `))).toBeGreaterThan(flushed);
    }
  });

  it('lead a name to its instances, in turns, and one without to the listener', () => {
    const rules = chain('prerouting');
    expect(rules).toContain('ip daddr 10.64.128.2 dnat to 10.64.1.1');
    expect(rules).toContain('ip daddr 10.64.128.3 dnat to numgen inc mod 2 map { 0 : 10.64.1.2, 1 : 10.64.1.3 }');
    expect(rules.some((rule) => rule.startsWith('ip daddr 10.64.128.1 '))).toBe(false);
    expect(rules.at(-1)).toBe(
      'iifname "slot*" ip daddr { 10.64.128.1, 10.64.128.2, 10.64.128.3 } meta l4proto tcp dnat to :65001',
    );
  });

  it('let nobody reach the listener but by a name of a network that it is on', () => {
    expect(chain('input').filter((rule) => rule.endsWith('jump named'))).toEqual([
      'iifname "slot*" ip saddr { 10.64.1.1, 10.64.1.2 } ip daddr { 10.64.128.1, 10.64.128.2 } jump named',
      'iifname "slot*" ip saddr { 10.64.1.2, 10.64.1.3 } ip daddr { 10.64.128.3 } jump named',
    ]);
    expect(chain('named')).toEqual(['tcp dport 65001 accept', 'icmp type echo-request accept']);
    const without = { names: [], networks: [] };
    expect([...chain('input', without), ...chain('prerouting', without)].join()).not.toMatch(/65001|named/);
  });

  it('let instances reach those on the same network, packet by packet, and no other', () => {
    const between = chain('forward').filter((rule) => rule.startsWith('iifname "slot*" oifname "slot*"'));
    expect(between).toEqual([
      'iifname "slot*" oifname "slot*" ip saddr { 10.64.1.1, 10.64.1.2 } ip daddr { 10.64.1.1, 10.64.1.2 } accept',
      'iifname "slot*" oifname "slot*" ip saddr { 10.64.1.2, 10.64.1.3 } ip daddr { 10.64.1.2, 10.64.1.3 } accept',
    ]);
    expect(chain('forward', { networks: [{ names: ['10.64.128.1'], members: [] }] }).join()).not.toContain('saddr');
  });

  it('accept nothing that comes in from outside by itself', () => {
    const fromOutside = [...chain('input'), ...chain('forward')].filter((rule) => rule.includes('iifname "tap0"'));
    expect(fromOutside).toEqual([
      'iifname "tap0" oifname "slot*" ct direction reply ct state established,related accept',
    ]);
  });
});

describe('a port of the host', () => {
  const web = { guestPort: 1, protocol: 'tcp', containerPort: 80, instances: ['10.64.1.1'] } as const;
  const dns = { guestPort: 2, protocol: 'udp', containerPort: 53, instances: ['10.64.1.2', '10.64.1.3'] } as const;
  const ports = { ports: [web, dns] };
  const arriving = 'iifname "tap0" ip daddr 10.0.2.100';

  it('leads to the instances of its service, in turns', () => {
    expect(chain('prerouting', ports).slice(-2)).toEqual([
      `${arriving} tcp dport 1 dnat to 10.64.1.1:80`,
      `${arriving} udp dport 2 dnat ip to numgen inc mod 2 map { 0 : 10.64.1.2 . 53, 1 : 10.64.1.3 . 53 }`,
    ]);
  });

  it('leads to the listener while there is none, and for datagrams nowhere', () => {
    const unready = { ports: [web, dns].map((port) => ({ ...port, instances: [] })) };
    const rules = chain('prerouting', unready).filter((rule) => rule.startsWith(arriving));
    expect(rules).toEqual([`${arriving} tcp dport 1 dnat to :65001`]);
    expect(chain('input', unready)).toContain('iifname "tap0" tcp dport 65001 ct status dnat accept');
    expect(toOutside(chain('forward', unready)).join()).not.toContain('direction reply');
  });

  it('lets in what is for its service, and out only what answers that', () => {
    expect(chain('forward', ports)).toEqual(
      expect.arrayContaining([
        'iifname "tap0" oifname "slot*" ip daddr { 10.64.1.1 } tcp dport 80 ct status dnat accept',
        'iifname "tap0" oifname "slot*" ip daddr { 10.64.1.2, 10.64.1.3 } udp dport 53 ct status dnat accept',
      ]),
    );
    expect(toOutside(chain('forward', ports)).slice(0, 2)).toEqual([
      'iifname "slot*" oifname "tap0" ip saddr { 10.64.1.1, 10.64.1.2, 10.64.1.3 } ct direction reply ct state established,related accept',
      'iifname "slot*" oifname "tap0" ip daddr 10.0.2.0/24 goto refused',
    ]);
  });
});

describe('the way out', () => {
  const afterHost = ([first, ...rules]: readonly string[]): readonly string[] => {
    expect(first).toBe(hostRefused);
    return rules;
  };
  const outbound = (rule: RulesetRequest['outbound'][number]['rule']): readonly string[] =>
    afterHost(toOutside(chain('forward', { outbound: [{ rule, instances: ['10.64.1.1', '10.64.1.2'] }] })));
  const from = 'iifname "slot*" oifname "tap0" ip saddr { 10.64.1.1, 10.64.1.2 }';

  it('is closed where it is none, or nobody is there', () => {
    expect(outbound('none')).toEqual([]);
    expect(afterHost(toOutside(chain('forward', { outbound: [{ rule: 'public', instances: [] }] })))).toEqual([]);
  });

  it('leads to no private range and no address of the host where it is public', () => {
    const [rule = '', ...others] = outbound('public');
    expect(others).toEqual([]);
    expect(rule).toMatch(
      /^iifname "slot\*" oifname "tap0" ip saddr \{ 10\.64\.1\.1, 10\.64\.1\.2 \} ip daddr != \{ .* \} accept$/,
    );
    for (const range of [
      '10.0.0.0/8',
      '127.0.0.0/8',
      '169.254.0.0/16',
      '172.16.0.0/12',
      '192.0.0.0/24',
      '203.0.113.1',
    ]) {
      expect(rule).toContain(range);
    }
    // nft refuses a set whose elements overlap.
    expect(rule).not.toContain('192.168.1.20');
  });

  it('leads to the ports that are listed', () => {
    expect(outbound([{ cidr: '203.0.113.7/32', port: 8000 }, { cidr: '198.51.100.0/24' }])).toEqual([
      `${from} ip daddr 203.0.113.7/32 meta l4proto { tcp, udp } th dport 8000 accept`,
      `${from} ip daddr 198.51.100.0/24 accept`,
    ]);
  });

  it('is judged packet by packet: what was established before counts only for answers from outside', () => {
    const established = chain('forward').filter((rule) => rule.includes('established'));
    expect(established).toEqual([
      'iifname "tap0" oifname "slot*" ct direction reply ct state established,related accept',
    ]);
  });
});
