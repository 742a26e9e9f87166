import { MinkeError, toMinkeError } from '../errors/index.ts';
import type { Clock } from '../observe/clock.ts';
import type { PooledInstance, PoolHands } from './pool-hands.ts';
import { newSlot, type Slot } from './slot.ts';

/** Brings instances up and takes them away; keeps the set of slots as it is in the world. */
export interface SlotLife<I extends PooledInstance> {
  /** `slot.begun` tells how it went. */
  begin(version: string): Slot<I>;
  adopt(instance: I, version: string): Slot<I>;
  /** Takes it away once it has no request, or after `limitMs`. Never rejects; resolves when it is gone. Idempotent. */
  end(slot: Slot<I>, limitMs?: number): Promise<void>;
}

export interface SlotLifeOptions<I extends PooledInstance> {
  /** Of the function. */
  readonly name: string;
  readonly slots: Set<Slot<I>>;
  readonly hands: Pick<PoolHands<I>, 'start' | 'waitReady' | 'stop' | 'clock'>;
  readonly onReady: (slot: Slot<I>) => void;
  /** It could not be brought up, and nobody asked for its end. It counts no more. */
  readonly onFailed: (slot: Slot<I>, error: MinkeError) => void;
  /** It ended by itself when it was up. */
  readonly onLost: (slot: Slot<I>) => void;
  /** It is gone after it was taken away, or after it could not be brought up. */
  readonly onGone: () => void;
}

export function createSlotLife<I extends PooledInstance>(options: SlotLifeOptions<I>): SlotLife<I> {
  const { name, slots, hands } = options;
  const enter = (slot: Slot<I>): Slot<I> => {
    slots.add(slot);
    slot.begun = bringUp(slot, options);
    slot.begun.catch(() => undefined);
    return slot;
  };
  return {
    begin: (version) => enter(newSlot<I>(version)),
    adopt: (instance, version) => enter(newSlot(version, instance)),
    end: async (slot, limitMs) => {
      if (slot.state === 'starting') {
        slot.aborted.abort(new MinkeError('NO_INSTANCE', { name, reason: 'it is not wanted any more' }));
        slot.gone ??= slot.begun.catch(() => undefined);
      }
      slot.state = 'draining';
      if (slot.inFlight === 0) slot.empty.resolve();
      if (limitMs !== undefined)
        void hands.clock.sleep(limitMs, slot.over.signal).then(slot.empty.resolve, () => undefined);
      slot.gone ??= takeAway(slot, options);
      await slot.gone;
    },
  };
}

async function bringUp<I extends PooledInstance>(slot: Slot<I>, options: SlotLifeOptions<I>): Promise<void> {
  const { name, slots, hands, onReady, onFailed, onGone } = options;
  const { signal } = slot.aborted;
  try {
    slot.instance ??= await hands.start(signal);
    void slot.instance.exited.then(() => left(slot, options));
    await hands.waitReady(slot.instance, signal);
    signal.throwIfAborted();
    if (slot.hasExited) throw new MinkeError('NO_INSTANCE', { name, reason: 'it has just ended' });
  } catch (error) {
    slot.state = 'draining';
    if (!signal.aborted) onFailed(slot, toMinkeError(error));
    if (slot.instance !== undefined) await hands.stop(slot.instance).catch(() => undefined);
    slots.delete(slot);
    onGone();
    throw error;
  }
  slot.state = 'ready';
  slot.idleSince = hands.clock.elapsed();
  onReady(slot);
}

/** While it starts, whoever waits for it to be ready learns of its end, with the reason. */
function left<I extends PooledInstance>(slot: Slot<I>, { slots, onLost }: SlotLifeOptions<I>): void {
  slot.hasExited = true;
  slot.empty.resolve();
  if (slot.state !== 'ready') return;
  slot.state = 'draining';
  slots.delete(slot);
  onLost(slot);
}

async function takeAway<I extends PooledInstance>(slot: Slot<I>, options: SlotLifeOptions<I>): Promise<void> {
  const { slots, hands, onGone } = options;
  await slot.empty.promise;
  if (slot.isSuspect && !slot.hasExited) await endsByItself(slot, hands.clock);
  slot.over.abort('over');
  if (slot.instance !== undefined) await hands.stop(slot.instance).catch(() => undefined);
  slots.delete(slot);
  onGone();
}

/** Who refuses connections has mostly crashed just now: its end shall be told as its own, and not as ours. */
async function endsByItself<I extends PooledInstance>({ instance, over }: Slot<I>, clock: Clock): Promise<void> {
  const patienceMs = 1000;
  await Promise.race([instance?.exited, clock.sleep(patienceMs, over.signal).catch(() => undefined)]);
}
