import { describe, expect, it } from 'vitest';
import type { Clock } from './clock.ts';
import { untilSuccess } from './until-success.ts';

const pauses = { first: 500, longest: 60_000 };
const { signal } = new AbortController();

describe('trying until it succeeds', () => {
  it('goes on with growing pauses, and answers what the attempt did', async () => {
    const slept: number[] = [];
    const told: number[] = [];
    let attempts = 0;
    const attempt = async (): Promise<string> => {
      attempts += 1;
      if (attempts < 10) throw new Error('not yet');
      return 'done';
    };
    const clock = sleeping(async (ms) => void slept.push(ms));
    const onFailure = (_: unknown, pauseMs: number): void => void told.push(pauseMs);
    expect(await untilSuccess(attempt, { clock, signal, pauses, onFailure })).toBe('done');
    expect(slept).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    expect(told).toEqual(slept);
  });

  it('ends when it is aborted in a pause, with the reason', async () => {
    const controller = new AbortController();
    let attempts = 0;
    const attempt = async (): Promise<void> => {
      attempts += 1;
      throw new Error('never');
    };
    const clock = sleeping(async () => {
      controller.abort(new Error('given up'));
      controller.signal.throwIfAborted();
    });
    const { signal } = controller;
    await expect(untilSuccess(attempt, { clock, signal, pauses, onFailure: () => undefined })).rejects.toThrow(
      'given up',
    );
    expect(attempts).toBe(1);
  });

  it('ends with what is thrown for a failure that is not worth another attempt', async () => {
    const attempt = async (): Promise<void> => {
      throw new Error('broken for good');
    };
    const onFailure = (error: unknown): void => {
      throw error;
    };
    const clock = sleeping(async () => expect.unreachable());
    await expect(untilSuccess(attempt, { clock, signal, pauses, onFailure })).rejects.toThrow('broken for good');
  });
});

const sleeping = (sleep: Clock['sleep']): Clock => ({ now: () => 0, elapsed: () => 0, sleep });
