import { expect, it } from 'vitest';
import { tallyOf } from './tally.ts';

const report = (testResults: unknown[], counts: Record<string, number> = {}): string =>
  JSON.stringify({ numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, ...counts, testResults });

it('counts what passed, failed and was skipped', () => {
  const counts = { numPassedTests: 3, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1 };
  const failed = { status: 'failed', assertionResults: [{ status: 'failed' }] };
  expect(tallyOf(report([failed], counts))).toEqual({ passed: 3, failed: 1, skipped: 3 });
});

it('counts a test file that could not be loaded as a failure', () => {
  expect(tallyOf(report([{ status: 'failed', assertionResults: [] }])).failed).toBe(1);
});
