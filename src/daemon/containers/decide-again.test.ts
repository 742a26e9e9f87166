import { describe, expect, it } from 'vitest';
import type { ContainerRecord, RestartChoice } from '../../model/container.ts';
import { newId } from '../../model/ids.ts';
import type { Run } from '../../model/run.ts';
import { decideAgain } from './decide-again.ts';

const restart = (condition: RestartChoice['condition'], maxRetries = 0): RestartChoice => ({ condition, maxRetries });

const record = (choice: RestartChoice | undefined, more: Partial<ContainerRecord> = {}): ContainerRecord => ({
  id: newId(),
  app: 'default',
  args: [],
  env: {},
  options: choice === undefined ? {} : { restart: choice },
  createdAt: 0,
  image: { id: 'sha256:0', reference: 'img' },
  runs: [],
  restarts: 0,
  quickEnds: 0,
  isStopped: false,
  ...more,
});

const ended = (exitCode: number, livedMs = 1000): Run => ({
  id: newId(),
  app: 'default',
  target: { image: 'img' },
  args: [],
  env: {},
  options: {},
  state: exitCode === 0 ? 'succeeded' : 'failed',
  attempts: 1,
  createdAt: 0,
  startedAt: 5000,
  endedAt: 5000 + livedMs,
  exitCode,
  timeoutMs: 0,
});

describe('whether a container is started again', () => {
  it.each([
    ['no policy', undefined, 1, false],
    ['always, after a success', restart('always'), 0, true],
    ['unless-stopped, after a failure', restart('unless-stopped'), 1, true],
    ['on-failure, after a failure', restart('on-failure'), 1, true],
    ['on-failure, after a success', restart('on-failure'), 0, false],
  ])('follows its policy: %s', (_, choice, exitCode, isAgain) => {
    expect(decideAgain(record(choice), ended(exitCode)) !== undefined).toBe(isAgain);
  });

  it('pauses for longer each time, and forgets that after ten seconds of running well', () => {
    const after = (quickEnds: number, livedMs: number): number => {
      const again = decideAgain(record(restart('always'), { quickEnds }), ended(1, livedMs));
      return (again?.at ?? 0) - 5000 - livedMs;
    };
    expect([0, 1, 2, 3, 20].map((quickEnds) => after(quickEnds, 500))).toEqual([100, 200, 400, 800, 60_000]);
    expect(after(20, 10_000)).toBe(100);
  });

  it('tries no more than it may, counted from when somebody started it', () => {
    const choice = restart('on-failure', 2);
    expect(decideAgain(record(choice, { restarts: 1 }), ended(1))).toMatchObject({ restarts: 2 });
    expect(decideAgain(record(choice, { restarts: 2 }), ended(1))).toBeUndefined();
  });

  it.each([
    ['always', false, true],
    ['unless-stopped', false, false],
    ['on-failure', false, false],
  ] as const)('leaves one alone that was stopped: %s, until a daemon finds it so', (condition, now, atBoot) => {
    const stopped = record(restart(condition), { isStopped: true });
    expect(decideAgain(stopped, ended(137)) !== undefined).toBe(now);
    expect(decideAgain(stopped, ended(137), { isBoot: true }) !== undefined).toBe(atBoot);
  });

  it('does not try again what could not be started', () => {
    const { startedAt: _, ...unbegun } = ended(127);
    expect(decideAgain(record(restart('always')), unbegun)).toBeUndefined();
  });
});
