import { describe, expect, it } from 'vitest';
import type { Health } from './health.ts';
import {
  decideHealth,
  decidePause,
  graceMs,
  healthRules,
  unchecked,
  type Check,
  type HealthRules,
} from './health-decision.ts';

const rules: HealthRules = {
  test: ['check'],
  intervalMs: 1000,
  timeoutMs: 500,
  retries: 2,
  startPeriodMs: 0,
  startIntervalMs: 5000,
};

describe('the rules of a health check', () => {
  it("are the file's over the image's over Docker's", () => {
    expect(healthRules({ retries: 5 }, { test: ['of', 'image'], intervalMs: 2000, retries: 2 })).toEqual({
      test: ['of', 'image'],
      intervalMs: 2000,
      timeoutMs: 30_000,
      retries: 5,
      startPeriodMs: 0,
      startIntervalMs: 5000,
    });
  });

  it.each<[Parameters<typeof healthRules>[0], Parameters<typeof healthRules>[1]]>([
    [undefined, undefined],
    ['none', { test: ['a'] }],
    [undefined, 'none'],
    [{ retries: 2 }, undefined],
    [{ retries: 2 }, 'none'],
  ])('are none where the file says %j and the image %j', (own, image) => {
    expect(healthRules(own, image)).toBeUndefined();
  });
});

describe('the health of an instance', () => {
  it('is good with the first check that succeeds, in its grace too', () => {
    expect(decideHealth(unchecked, good, rules, 0)).toEqual({
      state: 'healthy',
      failures: 0,
      last: { at: 7, code: 0, output: 'fine' },
    });
  });

  it('is bad after as many failures in a row as are allowed, and good again with one success', () => {
    const states: Health[] = [];
    for (const check of [bad, bad, good, bad, bad])
      states.push(decideHealth(states.at(-1) ?? unchecked, check, rules, 1000));
    expect(states.map(({ state, failures }) => `${state} ${failures}`)).toEqual([
      'starting 1',
      'unhealthy 2',
      'healthy 0',
      'healthy 1',
      'unhealthy 2',
    ]);
  });

  it('does not suffer from failures before its grace is over, which is at least the first interval', () => {
    const slow = { ...rules, startPeriodMs: 3000 };
    expect([graceMs(rules), graceMs(slow)]).toEqual([1000, 3000]);
    expect(decideHealth(unchecked, bad, slow, 2999)).toMatchObject({ state: 'starting', failures: 0 });
    expect(decideHealth(unchecked, bad, slow, 3000)).toMatchObject({ state: 'starting', failures: 1 });
  });

  it('has no grace any more once it was good', () => {
    const healthy = decideHealth(unchecked, good, rules, 0);
    expect(decideHealth(healthy, bad, { ...rules, retries: 1 }, 10)).toMatchObject({ state: 'unhealthy' });
  });

  it('suffers from a check that takes too long, and says so', () => {
    expect(decideHealth(unchecked, { ...bad, isLate: true }, rules, 5000).last?.output).toBe(
      'it took longer than 0.5 s: no',
    );
  });
});

describe('the pause before the next check', () => {
  it('grows from a moment to the interval of the start, and is the interval afterwards', () => {
    const slow = { ...rules, intervalMs: 30_000, startPeriodMs: 60_000 };
    const pauses = [1, 2, 3, 4, 5, 6, 7].map((checks) => decidePause(unchecked, slow, 100, checks));
    expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000]);
    expect(decidePause(unchecked, slow, 60_000, 9)).toBe(30_000);
    expect(decidePause({ state: 'healthy', failures: 0 }, slow, 100, 1)).toBe(30_000);
  });

  it('is never longer than the interval', () => {
    expect(decidePause(unchecked, { ...rules, intervalMs: 100 }, 0, 1)).toBe(100);
  });
});

const good: Check = { code: 0, isLate: false, output: 'fine', at: 7 };
const bad: Check = { code: 1, isLate: false, output: 'no', at: 8 };
