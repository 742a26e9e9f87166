import { describe, expect, it } from 'vitest';
import { createDoubts } from './doubts.ts';

describe('an instance', () => {
  const instance = {};

  it('does not hang because one request is late, nor because several are that it was given at once', () => {
    const doubts = createDoubts();
    expect([0, 1, 5, 9].map((leasedAt) => doubts.late(instance, leasedAt, leasedAt + 10))).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it('hangs when one is late that it was given after another was', () => {
    const doubts = createDoubts();
    expect([doubts.late(instance, 0, 10), doubts.late(instance, 9, 19), doubts.late(instance, 10, 20)]).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('does not hang as long as it answers one in between', () => {
    const doubts = createDoubts();
    doubts.late(instance, 0, 10);
    doubts.answered(instance, 11);
    expect(doubts.late(instance, 12, 22)).toBe(false);
    doubts.answered(instance, 30);
    expect([doubts.late(instance, 29, 39), doubts.late(instance, 39, 49)]).toEqual([false, false]);
    expect(doubts.late(instance, 49, 59)).toBe(true);
  });

  it('is not doubted for another', () => {
    const doubts = createDoubts();
    doubts.late({}, 0, 10);
    expect(doubts.late(instance, 10, 20)).toBe(false);
  });
});
