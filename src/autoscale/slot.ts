import type { Id } from '../model/ids.ts';
import type { ReadySample } from './decide.ts';
import type { PooledInstance } from './pool-hands.ts';

/**
 * The place of one instance in its pool:
 *
 *   starting --ready--> ready --(idle, too many, replaced, taken down)--> draining --no request left--> gone
 *       \___ fails or is not wanted any more ______________________________________________________^
 *
 * An instance that dies is gone from any state.
 */
export interface Slot<I extends PooledInstance> {
  state: 'starting' | 'ready' | 'draining';
  readonly version: string;
  /** An earlier daemon started it. */
  readonly isAdopted: boolean;
  /** Absent until it has been started. */
  instance: I | undefined;
  inFlight: number;
  idleSince: number;
  lastUsed: number;
  /** It serves until the first of the version that is wanted now does. */
  isOutdated: boolean;
  /** Ends a start that is not wanted any more. */
  readonly aborted: AbortController;
  hasExited: boolean;
  /** It took no connection: it is ending by itself, or has to be ended. */
  isSuspect: boolean;
  /** Resolves when it drains and has no request left, or need not wait for them any more. */
  readonly empty: PromiseWithResolvers<void>;
  /** Aborts when nothing waits for `empty` any more. */
  readonly over: AbortController;
  /** Resolves when it is ready; rejects when it never will be. */
  begun: Promise<void>;
  /** Resolves when it is gone and nothing of it is under way. */
  gone: Promise<void> | undefined;
}

export const newSlot = <I extends PooledInstance>(version: string, instance?: I): Slot<I> => ({
  state: 'starting',
  version,
  isAdopted: instance !== undefined,
  instance,
  inFlight: 0,
  idleSince: 0,
  lastUsed: 0,
  isOutdated: false,
  aborted: new AbortController(),
  hasExited: false,
  isSuspect: false,
  empty: Promise.withResolvers(),
  over: new AbortController(),
  begun: Promise.resolve(),
  gone: undefined,
});

export type ReadySlot<I extends PooledInstance> = Slot<I> & { readonly instance: I };

export const isReady = <I extends PooledInstance>(slot: Slot<I>): slot is ReadySlot<I> =>
  slot.state === 'ready' && slot.instance !== undefined;

/**
 * Who gets the next request: of the version that is wanted, as long as one is ready, the one with the fewest requests, and of
 * equals the one used last, so that the others become idle.
 */
export function pick<I extends PooledInstance>(
  slots: Iterable<Slot<I>>,
  concurrency: number,
): ReadySlot<I> | undefined {
  const ready = [...slots].filter(isReady);
  const current = ready.filter(({ isOutdated }) => !isOutdated);
  const open = (current.length > 0 ? current : ready).filter(({ inFlight }) => inFlight < concurrency);
  return open.reduce<ReadySlot<I> | undefined>(
    (best, slot) => (best === undefined || isBetter(slot, best) ? slot : best),
    undefined,
  );
}

const isBetter = (one: Slot<PooledInstance>, other: Slot<PooledInstance>): boolean =>
  one.inFlight === other.inFlight ? one.lastUsed > other.lastUsed : one.inFlight < other.inFlight;

export const sampleOf = <I extends PooledInstance>(slot: ReadySlot<I>): ReadySample & { readonly id: Id } => ({
  id: slot.instance.id,
  inFlight: slot.inFlight,
  idleSince: slot.idleSince,
  isOutdated: slot.isOutdated,
});
