import { describe, expect, it } from 'vitest';
import { kinOf } from './command-processes.ts';

describe('what a command has started', () => {
  const process = (pid: number, parent: number, session: number) => ({ pid, parent, session, ticks: pid });
  const pidsOf = (...processes: readonly ReturnType<typeof process>[]): number[] =>
    kinOf(10, processes)
      .map(({ pid }) => pid)
      .toSorted((one, other) => one - other);

  it('is below the runtime, however deep, in whatever order it is looked at', () => {
    expect(pidsOf(process(13, 12, 99), process(12, 11, 98), process(11, 10, 10), process(10, 1, 10))).toEqual([
      10, 11, 12, 13,
    ]);
  });

  it('is in its session without a parent of its own', () => {
    expect(pidsOf(process(10, 1, 10), process(20, 1, 10))).toEqual([10, 20]);
  });

  it('is in a session that one of it began', () => {
    expect(pidsOf(process(10, 1, 10), process(11, 10, 11), process(12, 1, 11))).toEqual([10, 11, 12]);
  });

  it('is nothing else of the instance', () => {
    expect(pidsOf(process(10, 1, 10), process(2, 1, 2), process(3, 2, 2))).toEqual([10]);
  });
});
