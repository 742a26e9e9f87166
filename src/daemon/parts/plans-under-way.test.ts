import { describe, expect, it } from 'vitest';
import { createPlansUnderWay } from './plans-under-way.ts';

describe('a plan under way', () => {
  const untilAborted = async (signal: AbortSignal): Promise<never> =>
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

  it('is given up for down, and for up where nobody waits for it', async () => {
    for (const [by, isWanted] of [
      ['down', true],
      ['up', false],
    ] as const) {
      const plans = createPlansUnderWay();
      const ended = plans.during('shop', () => isWanted, untilAborted);
      plans.supersede('shop', by);
      await expect(ended).rejects.toMatchObject({ code: 'CONFLICT' });
      expect(plans.isUnderWay('shop')).toBe(false);
    }
  });

  it('is not given up for up where somebody waits for it, nor for what is done to another app', async () => {
    const plans = createPlansUnderWay();
    const done = Promise.withResolvers<string>();
    const ended = plans.during(
      'shop',
      () => true,
      async (signal) => {
        const answer = await done.promise;
        signal.throwIfAborted();
        return answer;
      },
    );
    plans.supersede('shop', 'up');
    plans.supersede('other', 'down');
    expect(plans.isUnderWay('shop')).toBe(true);
    done.resolve('carried out');
    expect(await ended).toBe('carried out');
  });

  it('is given up when the daemon ends, which waits for it, and none begins after that', async () => {
    const plans = createPlansUnderWay();
    const outcome = plans.during('shop', () => true, untilAborted).catch(() => 'ended');
    await plans.close();
    expect([plans.isUnderWay('shop'), await outcome]).toEqual([false, 'ended']);
    const late = plans.during(
      'shop',
      () => true,
      async (signal) => signal.throwIfAborted(),
    );
    await expect(late).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});
