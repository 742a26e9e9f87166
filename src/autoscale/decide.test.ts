import { describe, expect, it } from 'vitest';
import { decide, type PoolSample, type ReadySample } from './decide.ts';

const nothing: PoolSample = {
  waiting: 0,
  starting: 0,
  ready: [],
  max: 4,
  concurrency: 10,
  now: 5000,
  idleMs: 1000,
  notBefore: 0,
};

const ready = (id: string, inFlight: number, idleSince = 5000, isOutdated = false): ReadySample => ({
  id,
  inFlight,
  idleSince,
  isOutdated,
});

describe('how many instances to start', () => {
  it.each<[string, Partial<PoolSample>, number]>([
    ['none while nobody waits', {}, 0],
    ['one for the first request', { waiting: 1 }, 1],
    ['as many as the waiting need', { waiting: 21 }, 3],
    ['never more than may be', { waiting: 1000 }, 4],
    ['none more while enough are on their way', { waiting: 20, starting: 2 }, 0],
    ['those that are missing', { waiting: 21, starting: 2 }, 1],
    ['beside those that are full', { waiting: 1, ready: [ready('a', 10)] }, 1],
    ['none while one has room', { waiting: 3, ready: [ready('a', 7)] }, 0],
    ['none beyond what may be, however many wait', { waiting: 50, max: 2, starting: 1, ready: [ready('a', 10)] }, 0],
    ['beside those that are to go', { waiting: 1, max: 1, ready: [ready('a', 10, 0, true)] }, 1],
    ['none before the pause after a failure is over', { waiting: 1, notBefore: 5001 }, 0],
    ['one when it is over', { waiting: 1, notBefore: 5000 }, 1],
    ['one where an instance has more requests than it may have now', { waiting: 1, ready: [ready('a', 25)] }, 1],
  ])('%s', (_, sample, start) => {
    expect(decide({ ...nothing, ...sample })).toMatchObject({ start, stop: [] });
  });
});

describe('which instances to take away', () => {
  it.each<[string, Partial<PoolSample>, readonly string[]]>([
    ['none that has a request', { ready: [ready('a', 1, 0)] }, []],
    ['none before its time', { ready: [ready('a', 0, 4001)] }, []],
    ['each whose time is over', { ready: [ready('a', 0, 4000), ready('b', 0, 4001), ready('c', 0, 0)] }, ['c', 'a']],
    ['none while somebody waits', { waiting: 1, ready: [ready('a', 0, 0)] }, []],
    ['the idle ones that are too many', { max: 1, ready: [ready('a', 0, 4900), ready('b', 0, 4800)] }, ['b']],
    ['none too many that is busy', { max: 1, ready: [ready('a', 1), ready('b', 1)] }, []],
  ])('%s', (_, sample, stop) => {
    expect(decide({ ...nothing, ...sample })).toMatchObject({ start: 0, stop });
  });
});

describe('when to look again', () => {
  it('at the first end of an idle time', () => {
    expect(decide({ ...nothing, ready: [ready('a', 0, 4500), ready('b', 0, 4200), ready('c', 3, 0)] }).lookAt).toBe(
      5200,
    );
  });
  it('at the end of the pause, when somebody waits for it', () => {
    expect(decide({ ...nothing, waiting: 1, notBefore: 5100 }).lookAt).toBe(5100);
    expect(decide({ ...nothing, notBefore: 5100 }).lookAt).toBeUndefined();
  });
  it('never when nothing can change by time alone', () => {
    expect(decide({ ...nothing, ready: [ready('a', 1)] }).lookAt).toBeUndefined();
  });
});

it('every step has its reason, and no step has none', () => {
  expect(decide({ ...nothing, waiting: 3 }).reason).toBe('3 waiting, there is no instance');
  expect(decide({ ...nothing, waiting: 3, ready: [ready('a', 10)] }).reason).toBe('3 waiting, 1 at their limit');
  expect(decide({ ...nothing, ready: [ready('a', 0, 0)] }).reason).toBe('1 idle for 1 s or too many');
  expect(decide(nothing).reason).toBe('');
});
