import { describe, expect, it } from 'vitest';
import type { Clock } from '../../observe/clock.ts';
import { tryAgain } from './try-again.ts';

describe('trying again', () => {
  it('resolves after the first attempt, and goes on with growing pauses until one succeeds', async () => {
    const { clock, pauses, untilSlept } = manualClock();
    const failures: number[] = [];
    let attempts = 0;
    const attempt = async (): Promise<void> => {
      attempts += 1;
      if (attempts < 10) throw new Error('not yet');
    };
    const onFailure = (_: unknown, pauseMs: number): void => void failures.push(pauseMs);
    await tryAgain(attempt, { clock, signal: new AbortController().signal, onFailure });
    expect(attempts).toBe(1);
    while (attempts < 10) await untilSlept();
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    expect(failures).toEqual(pauses);
  });

  it('ends when it is aborted, also in a pause', async () => {
    const { clock, untilSlept } = manualClock();
    const controller = new AbortController();
    let attempts = 0;
    const attempt = async (): Promise<void> => {
      attempts += 1;
      throw new Error('never');
    };
    await tryAgain(attempt, { clock, signal: controller.signal, onFailure: () => undefined });
    controller.abort();
    await untilSlept();
    expect(attempts).toBe(1);
  });
});

/** A clock whose sleeps are over when the test says so. */
function manualClock(): { clock: Clock; pauses: number[]; untilSlept: () => Promise<void> } {
  const pauses: number[] = [];
  const waiting: (() => void)[] = [];
  const sleep = async (ms: number): Promise<void> => {
    pauses.push(ms);
    await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const untilSlept = async (): Promise<void> => {
    waiting.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock: { now: () => 0, elapsed: () => 0, sleep }, pauses, untilSlept };
}
