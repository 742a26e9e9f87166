import { once } from 'node:events';
import type { Clock } from '../../observe/clock.ts';

/** Resolves when the time is up, which it never is where that is Infinity, or on abort. Never rejects. */
export async function untilLate(clock: Clock, ms: number, signal: AbortSignal): Promise<'late'> {
  const waiting = Number.isFinite(ms) ? clock.sleep(ms, signal) : once(signal, 'abort', { signal });
  await waiting.catch(() => undefined);
  return 'late';
}
