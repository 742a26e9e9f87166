import { describe, expect, it } from 'vitest';
import { joined, nothing, percentile, summaryOf } from './statistics.ts';

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

describe('a percentile', () => {
  it('is a value that was measured, which the fraction does not exceed', () => {
    expect(percentile(upTo(100), 0.5)).toBe(50);
    expect(percentile(upTo(100), 0.99)).toBe(99);
    expect(percentile(upTo(101), 0.99)).toBe(100);
    expect(percentile([1, 2, 3], 0.5)).toBe(2);
  });

  it('of few values is the largest where the fraction reaches it', () => {
    expect(percentile([7], 0.5)).toBe(7);
    expect(percentile([1, 9], 0.99)).toBe(9);
  });

  it('of nothing is an error and not a number', () => {
    expect(() => percentile([], 0.5)).toThrow('nothing was measured');
    expect(() => summaryOf(nothing)).toThrow('nothing was measured');
  });
});

describe('a summary', () => {
  it('does not depend on the order of what was measured', () => {
    expect(summaryOf({ ms: [30, 10, 20], tookMs: 60 })).toEqual({ p50Ms: 20, p99Ms: 30, perSecond: 50 });
  });

  it('counts operations that ran side by side by the clock on the wall', () => {
    expect(summaryOf({ ms: [10, 10, 10, 10], tookMs: 10 }).perSecond).toBe(400);
  });

  it('of batches put together weighs every operation alike', () => {
    const all = [
      { ms: [1], tookMs: 1 },
      { ms: [3, 3], tookMs: 3 },
    ].reduce(joined, nothing);
    expect(summaryOf(all)).toEqual({ p50Ms: 3, p99Ms: 3, perSecond: 750 });
  });
});
