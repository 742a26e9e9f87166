import { describe, expect, it } from 'vitest';
import { ruleset, type RulesetRequest } from './ruleset.ts';

const request: RulesetRequest = {
  subnet: { index: 0 },
  names: [
    { address: '10.64.128.1', instances: [] },
    { address: '10.64.128.2', instances: ['10.64.1.1'] },
    { address: '10.64.128.3', instances: ['10.64.1.2', '10.64.1.3'] },
  ],
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

  it('let nobody reach the listener but by a name', () => {
    expect(chain('input').filter((rule) => rule.includes('65001'))).toEqual([
      'iifname "slot*" ip daddr { 10.64.128.1, 10.64.128.2, 10.64.128.3 } tcp dport 65001 accept',
    ]);
    expect([...chain('input', { names: [] }), ...chain('prerouting', { names: [] })].join()).not.toContain('65001');
  });

  it('accept nothing that comes in from outside by itself', () => {
    expect([...chain('input'), ...chain('forward')].filter((rule) => rule.includes('iifname "tap0"'))).toEqual([]);
  });
});

describe('the way out', () => {
  const outbound = (rule: RulesetRequest['outbound'][number]['rule']): string[] =>
    toOutside(chain('forward', { outbound: [{ rule, instances: ['10.64.1.1', '10.64.1.2'] }] }));
  const from = 'iifname "slot*" oifname "tap0" ip saddr { 10.64.1.1, 10.64.1.2 }';

  it('is closed where it is none, or nobody is there', () => {
    expect(outbound('none')).toEqual([]);
    expect(toOutside(chain('forward', { outbound: [{ rule: 'public', instances: [] }] }))).toEqual([]);
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

  it('is judged packet by packet: what was established before counts only towards an instance', () => {
    const established = chain('forward').filter((rule) => rule.includes('established'));
    expect(established).toEqual(['oifname "slot*" ct state established,related accept']);
  });
});
