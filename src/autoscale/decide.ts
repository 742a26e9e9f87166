import type { Id } from '../model/ids.ts';

/** What one function's pool looks like at one moment. */
export interface PoolSample {
  /** Requests that no instance has taken yet. */
  readonly waiting: number;
  /** Instances on their way, each of which will take `concurrency` requests. */
  readonly starting: number;
  readonly ready: readonly ReadySample[];
  /** Instances that may take requests at once. */
  readonly max: number;
  /** Requests that one instance takes at once. */
  readonly concurrency: number;
  /** Milliseconds of a monotonic clock, all of them. */
  readonly now: number;
  /** An instance that has had no request for so long is not needed. */
  readonly idleMs: number;
  /** After starts that failed: none before this moment. */
  readonly notBefore: number;
}

export interface ReadySample {
  readonly id: Id;
  readonly inFlight: number;
  /** When its last request ended, or when it became ready. */
  readonly idleSince: number;
  /** It goes when its successor is ready, and does not count among `max`. */
  readonly isOutdated: boolean;
}

export interface PoolDecision {
  /** Instances to start. */
  readonly start: number;
  /** Instances to take away; none of them has a request. */
  readonly stop: readonly Id[];
  /** For the timeline; says nothing when nothing is to be done. */
  readonly reason: string;
  /** When to look again though nothing has happened. */
  readonly lookAt?: number;
}

/**
 * How many instances a function needs now. Pure. Whoever waits gets an instance as long as there may be more; who has been idle
 * for long goes, and so does who is idle and too many.
 */
export function decide(sample: PoolSample): PoolDecision {
  const wanted = startsWanted(sample);
  const isHeld = wanted > 0 && sample.now < sample.notBefore;
  const start = isHeld ? 0 : wanted;
  const stop = sample.waiting > 0 ? [] : stopsWanted(sample);
  const lookAt = nextLook(sample, stop, isHeld);
  return { start, stop, reason: reasonOf(sample, start, stop), ...(lookAt === undefined ? {} : { lookAt }) };
}

function startsWanted({ waiting, starting, ready, max, concurrency }: PoolSample): number {
  const current = ready.filter(({ isOutdated }) => !isOutdated);
  const free = current.reduce((sum, { inFlight }) => sum + Math.max(concurrency - inFlight, 0), 0);
  const needed = Math.ceil((waiting - free) / concurrency) - starting;
  return Math.max(Math.min(needed, max - current.length - starting), 0);
}

function stopsWanted({ ready, starting, max, now, idleMs }: PoolSample): Id[] {
  const idle = ready.filter(({ inFlight }) => inFlight === 0).toSorted((a, b) => a.idleSince - b.idleSince);
  const current = ready.filter(({ isOutdated }) => !isOutdated);
  const surplus = idle.filter(({ isOutdated }) => !isOutdated).slice(0, Math.max(current.length + starting - max, 0));
  return idle.filter((one) => now - one.idleSince >= idleMs || surplus.includes(one)).map(({ id }) => id);
}

function nextLook({ ready, idleMs, notBefore }: PoolSample, stop: readonly Id[], isHeld: boolean): number | undefined {
  const ends = ready
    .filter(({ id, inFlight }) => inFlight === 0 && !stop.includes(id))
    .map(({ idleSince }) => idleSince + idleMs);
  const moments = isHeld ? [notBefore, ...ends] : ends;
  return moments.length === 0 ? undefined : Math.min(...moments);
}

function reasonOf({ waiting, ready, idleMs }: PoolSample, start: number, stop: readonly Id[]): string {
  if (start > 0) {
    const busy = ready.length === 0 ? 'there is no instance' : `${ready.length} at their limit`;
    return `${waiting} waiting, ${busy}`;
  }
  return stop.length > 0 ? `${stop.length} idle for ${idleMs / 1000} s or too many` : '';
}
