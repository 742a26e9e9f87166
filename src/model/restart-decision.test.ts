import { describe, expect, it } from 'vitest';
import type { LifeEnd } from './service-end.ts';
import { decideRestart, type RestartPolicy } from './restart-decision.ts';

describe('the decision on a restart', () => {
  it.each<[RestartPolicy['condition'], number, LifeEnd['cause'], string]>([
    ['always', 0, 'exited', 'restarted'],
    ['unless-stopped', 1, 'exited', 'restarted'],
    ['on-failure', 1, 'exited', 'restarted'],
    ['on-failure', 0, 'exited', 'completed'],
    ['on-failure', 0, 'lost', 'restarted'],
    ['on-failure', 137, 'out-of-memory', 'restarted'],
    ['on-failure', 0, 'unhealthy', 'restarted'],
    ['on-failure', 1, 'not-ready', 'restarted'],
    ['no', 1, 'exited', 'policy'],
    ['no', 0, 'exited', 'completed'],
    ['always', 143, 'stopped', 'stopped'],
  ])('%s, exit code %i, %s: %s', (condition, code, cause, expected) => {
    const decision = decideRestart({ condition }, { code, cause }, 100, 0);
    expect(decision.isRestarted ? 'restarted' : decision.why).toBe(expected);
  });

  it('waits twice as long each time, from 100 ms to 1 min, and calls the fifth quick end a crash loop', () => {
    const lives = Array.from({ length: 12 }, (_, quickEnds) => decideRestart(always, crash, 50, quickEnds));
    const waits = lives.map((decision) => (decision.isRestarted ? decision.afterMs : undefined));
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
    expect(lives.findIndex((decision) => decision.isRestarted && decision.isCrashLoop)).toBe(4);
  });

  it('forgets earlier ends after 10 s of running well', () => {
    expect(decideRestart(always, crash, 10_000, 9)).toEqual({
      isRestarted: true,
      afterMs: 100,
      quickEnds: 1,
      isCrashLoop: false,
    });
    expect(decideRestart(always, crash, 9999, 9)).toMatchObject({ quickEnds: 10, isCrashLoop: true });
  });

  it('gives up after as many restarts in a row as its policy allows, and without end where that is 0', () => {
    const bounded = (maxAttempts: number): RestartPolicy => ({ condition: 'on-failure', bounds: { maxAttempts } });
    const decisions = [0, 1, 2].map((before) => decideRestart(bounded(2), crash, 0, before));
    expect(decisions).toMatchObject([
      { isRestarted: true },
      { isRestarted: true },
      { isRestarted: false, why: 'attempts' },
    ]);
    expect(decideRestart(bounded(2), crash, 10_000, 2)).toMatchObject({ isRestarted: true, quickEnds: 1 });
    expect(decideRestart(bounded(0), crash, 0, 50)).toMatchObject({ isRestarted: true });
  });

  it('waits as its policy says, and takes its window for running well', () => {
    const policy: RestartPolicy = { condition: 'always', bounds: { delayMs: 5000, windowMs: 60_000 } };
    expect(decideRestart(policy, crash, 59_999, 3)).toMatchObject({ afterMs: 5000, quickEnds: 4 });
    expect(decideRestart(policy, crash, 60_000, 3)).toMatchObject({ afterMs: 5000, quickEnds: 1 });
  });
});

const always: RestartPolicy = { condition: 'always' };
const crash = { code: 1, cause: 'exited' } as const;
