import { describe, expect, it } from 'vitest';
import { createLanes, type WaitingRun } from './lanes.ts';

const aRun = (id: string, name: string, app = 'shop'): WaitingRun => ({
  id,
  app,
  target: { function: name },
  attempts: 0,
  losses: 0,
});

describe('lanes', () => {
  it('are first in, first out', () => {
    const lanes = createLanes(() => 10);
    for (const id of ['1', '2', '3']) lanes.add(aRun(id, 'f'));
    expect([lanes.take(), lanes.take(), lanes.take(), lanes.take()].map((run) => run?.id)).toEqual([
      '1',
      '2',
      '3',
      undefined,
    ]);
  });

  it('let no more run of one target than its limit, and the next as soon as one is released', () => {
    const lanes = createLanes(() => 2);
    for (const id of ['1', '2', '3']) lanes.add(aRun(id, 'f'));
    lanes.take();
    lanes.take();
    expect(lanes.take()).toBeUndefined();
    lanes.release(aRun('1', 'f'));
    expect(lanes.take()?.id).toBe('3');
  });

  it('take turns: ten thousand in one do not delay the one in another', () => {
    const lanes = createLanes(() => Infinity);
    for (let count = 0; count < 10_000; count += 1) lanes.add(aRun(`noisy ${count}`, 'noisy'));
    lanes.take();
    lanes.add(aRun('quiet', 'quiet'));
    lanes.add(aRun('namesake', 'noisy', 'another'));
    const next = [lanes.take(), lanes.take(), lanes.take()].map((run) => run?.id);
    expect(next).toContain('quiet');
    expect(next).toContain('namesake');
  });

  it('count what lives already, even beyond the limit', () => {
    const lanes = createLanes(() => 1);
    lanes.occupy(aRun('a', 'f'));
    lanes.occupy(aRun('b', 'f'));
    lanes.add(aRun('c', 'f'));
    lanes.release(aRun('a', 'f'));
    expect(lanes.take()).toBeUndefined();
    lanes.release(aRun('b', 'f'));
    expect(lanes.take()?.id).toBe('c');
  });

  it('hold a run once, and forget one that was dropped', () => {
    const lanes = createLanes(() => 10);
    lanes.add(aRun('1', 'f'));
    lanes.add(aRun('1', 'f'));
    lanes.add(aRun('2', 'f'));
    lanes.drop('2');
    lanes.drop('2');
    expect([lanes.take()?.id, lanes.take()]).toEqual(['1', undefined]);
  });

  it('ask for the limit each time, so that a new one counts at once', () => {
    let limit = 1;
    const lanes = createLanes(() => limit);
    for (const id of ['1', '2']) lanes.add(aRun(id, 'f'));
    lanes.take();
    expect(lanes.take()).toBeUndefined();
    limit = 2;
    expect(lanes.take()?.id).toBe('2');
  });
});
