import { describe, expect, it } from 'vitest';
import { decideRestart, type RestartPolicy } from './restart-decision.ts';

describe('the decision on a restart', () => {
  it.each<[RestartPolicy, number, 'exited' | 'out-of-memory' | 'stopped' | 'lost', boolean]>([
    ['always', 0, 'exited', true],
    ['unless-stopped', 1, 'exited', true],
    ['on-failure', 1, 'exited', true],
    ['on-failure', 0, 'exited', false],
    ['on-failure', 0, 'lost', true],
    ['on-failure', 137, 'out-of-memory', true],
    ['no', 1, 'exited', false],
    ['always', 143, 'stopped', false],
  ])('%s, exit code %i, %s: %s', (policy, code, cause, isRestarted) => {
    expect(decideRestart(policy, { code, cause }, 100, 0).isRestarted).toBe(isRestarted);
  });

  it('waits twice as long each time, from 100 ms to 30 s, and calls the fifth quick end a crash loop', () => {
    const lives = Array.from({ length: 11 }, (_, quickEnds) => decideRestart('always', crash, 50, quickEnds));
    const waits = lives.map((decision) => (decision.isRestarted ? decision.afterMs : undefined));
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
    expect(lives.findIndex((decision) => decision.isRestarted && decision.isCrashLoop)).toBe(4);
  });

  it('forgets earlier ends after 10 s of life', () => {
    expect(decideRestart('always', crash, 10_000, 9)).toEqual({
      isRestarted: true,
      afterMs: 100,
      quickEnds: 1,
      isCrashLoop: false,
    });
  });
});

const crash = { code: 1, cause: 'exited' } as const;
