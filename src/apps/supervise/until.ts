import { MinkeError } from '../../errors/index.ts';
import { orAborted } from '../../observe/or-aborted.ts';
import { describeEnd } from './keep-up.ts';
import type { Keeping, Kept } from './kept.ts';

/**
 * What one can wait for. `started`: its port answers, or it runs where a health check says more. `ready`: it is published, healthy
 * where that is checked. `completed`: it has ended with exit code 0.
 */
export type Wish = 'started' | 'ready' | 'completed';

/** Resolves when it is so of each place. The first for which waiting is in vain ends the wait for the others. */
export async function untilAll(
  places: readonly Kept[],
  wish: Wish,
  keeping: Keeping,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  try {
    await Promise.all(places.map(async (kept) => await until(kept, wish, keeping, either)));
  } finally {
    over.abort();
  }
}

/**
 * Resolves when it is so. A life that ends is waited beyond as long as the service is restarted; rejects where waiting on is in
 * vain: it was given up, is in a crash loop, was not ready in time or turned unhealthy. On abort with the signal's reason.
 */
async function until(kept: Kept, wish: Wish, keeping: Keeping, signal: AbortSignal): Promise<void> {
  const before = kept.failures;
  for (;;) {
    signal.throwIfAborted();
    const verdict = decideWait(kept, wish, before, isChecked(kept, keeping));
    if (verdict === 'met') return;
    if (verdict !== 'wait') throw await explain(kept, keeping, verdict);
    await nextChange(kept, signal);
  }
}

const isChecked = (kept: Kept, { hands }: Keeping): boolean => hands.policyOf(kept)?.health !== undefined;

type Failing = 'released' | 'failure' | 'crash-loop' | 'ended';

/** Pure. `failuresBefore`: those from before the wait began, which are nobody's answer. */
export function decideWait(
  kept: Pick<Kept, 'outcome' | 'readyAt' | 'instance' | 'isCrashLoop' | 'failures'> & {
    readonly released: { readonly signal: { readonly aborted: boolean } };
  },
  wish: Wish,
  failuresBefore: number,
  hasCheck: boolean,
): 'met' | 'wait' | Failing {
  const { outcome, readyAt, instance, isCrashLoop, failures, released } = kept;
  if (released.signal.aborted) return 'released';
  if (outcome?.state === 'completed') return 'met';
  if (outcome !== undefined) return 'ended';
  if (wish !== 'completed' && readyAt !== undefined) return 'met';
  if (wish === 'started' && hasCheck && instance !== undefined) return 'met';
  if (isCrashLoop) return 'crash-loop';
  return failures > failuresBefore ? 'failure' : 'wait';
}

/** The error, with what the service wrote last. */
async function explain(kept: Kept, { hands }: Keeping, why: Failing): Promise<MinkeError> {
  const { service: name, lastEnd, failure, outcome, quickEnds, instance } = kept;
  if (why === 'released')
    return new MinkeError('CONFLICT', { reason: `"${name}" was let go of while it was waited for` });
  if (why === 'failure' && failure !== undefined) return failure;
  const lines = instance === undefined ? await hands.lastLines(kept).catch(() => []) : [];
  const log = lines.length === 0 ? '' : `: ${lines.join('\n')}`;
  const end = describeLast(kept);
  if (why === 'crash-loop') return new MinkeError('CRASH_LOOP', { name, ends: quickEnds, reason: `${end}${log}` });
  if (lastEnd?.cause === 'not-started' && failure !== undefined) return failure;
  const tries = (outcome?.restarts ?? 0) === 0 ? '' : `, also after ${outcome?.restarts} restarts`;
  return new MinkeError('INSTANCE_START_FAILED', { name, reason: `${end}${tries}${log}` });
}

function describeLast({ lastEnd, failure }: Kept): string {
  if (lastEnd === undefined) return 'it ended';
  return lastEnd.cause === 'not-started' && failure !== undefined ? failure.message : describeEnd(lastEnd);
}

async function nextChange({ listeners, released }: Kept, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  listeners.add(resolve);
  await orAborted(promise, AbortSignal.any([signal, released.signal]));
  listeners.delete(resolve);
}
