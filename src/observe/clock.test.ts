import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { systemClock } from './clock.ts';

it('sleeps for the time that it is asked to', async () => {
  const before = systemClock.elapsed();
  await systemClock.sleep(20);
  // Timers count whole milliseconds.
  expect(systemClock.elapsed() - before).toBeGreaterThanOrEqual(19);
});

it('rejects with the reason of a signal, whether that aborts before or meanwhile', async () => {
  await expect(systemClock.sleep(60_000, AbortSignal.abort('before'))).rejects.toBe('before');
  const controller = new AbortController();
  const sleeping = systemClock.sleep(60_000, controller.signal);
  controller.abort('meanwhile');
  await expect(sleeping).rejects.toBe('meanwhile');
});

it('leaves no listener at the signal when it has slept', async () => {
  const { signal } = new AbortController();
  const sleeping = systemClock.sleep(1, signal);
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  await sleeping;
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
