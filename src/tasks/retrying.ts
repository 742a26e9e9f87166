import type { FailedAttempt, RetryRules, Run } from '../model/run.ts';
import { worded, type Settlement } from './ending.ts';
import { MinkeError } from '../errors/index.ts';
import { nameOfTarget } from './target.ts';

type Pauses = Pick<RetryRules, 'firstMs' | 'longestMs'>;
type Tried = Pick<Run, 'attempts' | 'instance' | 'retries' | 'failures' | 'expiresAt'>;

/**
 * What a failed attempt means for its run: it goes back to the queue until its pause is over, or it is dead where its attempts or
 * its time are used up. What did not fail, and what asked for no retries, stays as it is. Pure but for `random`, from 0 to 1.
 */
export function afterAttempt(run: Tried, settlement: Settlement, now: number, random: () => number): Settlement {
  const { to, patch } = settlement;
  const { retries, expiresAt = Infinity, attempts } = run;
  if ((to !== 'failed' && to !== 'timed-out') || retries === undefined || retries.max === 0) return settlement;
  if (attempts > retries.max) return { to: 'dead', patch };
  const notBefore = now + pauseMs(attempts, retries, random());
  if (notBefore >= expiresAt) return { to: 'dead', patch };
  const failed: FailedAttempt = {
    attempt: attempts,
    ...(run.instance === undefined ? {} : { instance: run.instance }),
    endedAt: patch.endedAt ?? now,
    ...(patch.exitCode === undefined ? {} : { exitCode: patch.exitCode }),
    error: patch.error ?? { code: 'RUN_FAILED', message: '' },
  };
  return { to: 'queued', patch: { failures: [...(run.failures ?? []), failed], notBefore } };
}

/**
 * Twice as long each time, of which the second half is by chance ("equal jitter", Brooker, Exponential Backoff And Jitter, 2015):
 * what failed together does not come back together.
 */
export function pauseMs(attempts: number, { firstMs, longestMs }: Pauses, chance: number): number {
  const full = Math.min(longestMs, firstMs * 2 ** (attempts - 1));
  return Math.round(full / 2 + (full / 2) * chance);
}

/** A run that has waited too long to begin. */
export const decideExpired = ({ target, createdAt }: Pick<Run, 'target' | 'createdAt'>, now: number): Settlement => ({
  to: 'dead',
  patch: {
    endedAt: now,
    error: worded(
      new MinkeError('RUN_EXPIRED', { name: nameOfTarget(target), seconds: Math.round((now - createdAt) / 1000) }),
    ),
  },
});
