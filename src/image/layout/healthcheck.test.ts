import { describe, expect, it } from 'vitest';
import { isHealthcheck, toHealthcheck, type HealthcheckFile } from './healthcheck.ts';

describe('the health check of an image', () => {
  it.each<[HealthcheckFile, unknown]>([
    [{ Test: ['CMD', 'ask', '-q'] }, { test: ['ask', '-q'] }],
    [{ Test: ['CMD-SHELL', 'a || b'] }, { test: ['/bin/sh', '-c', 'a || b'] }],
    [{ Test: ['NONE'] }, 'none'],
    [{ Test: [] }, undefined],
    [{ Interval: 1e9 }, undefined],
    [
      { Test: ['CMD', 'a'], Interval: 5e9, Timeout: 2e9, Retries: 4, StartPeriod: 6e10, StartInterval: 5e8 },
      { test: ['a'], intervalMs: 5000, timeoutMs: 2000, retries: 4, startPeriodMs: 60_000, startIntervalMs: 500 },
    ],
    [{ Test: ['CMD', 'a'], Interval: 0, Retries: 0 }, { test: ['a'] }],
  ])('%j is read', (file, model) => {
    expect([isHealthcheck(file), toHealthcheck(file)]).toEqual([true, model]);
  });

  it.each<unknown>([[], 'CMD', { Test: 'true' }, { Test: [1] }, { Interval: -1 }, { Retries: '3' }])(
    '%j is refused',
    (value) => expect(isHealthcheck(value)).toBe(false),
  );
});
