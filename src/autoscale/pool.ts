import { MinkeError } from '../errors/index.ts';
import type { Id } from '../model/ids.ts';
import { createAlarm } from './alarm.ts';
import { decide, type PoolSample } from './decide.ts';
import type { Lease, PooledInstance, PoolHands, PoolSettings } from './pool-hands.ts';
import { isReady, pick, sampleOf, type ReadySlot, type Slot } from './slot.ts';
import { createSlotLife } from './slot-life.ts';
import { createStartPause } from './start-pause.ts';
import { createWaiters } from './waiters.ts';

/** The instances of one function, and the requests that wait for them. */
export interface Pool<I extends PooledInstance> {
  /**
   * An instance that takes requests; waits for one, and has one started where that helps. Rejects with QUEUE_FULL, with what kept
   * the last hope of an instance from starting, with NO_INSTANCE once the pool is closed, or with the signal's reason.
   */
  lease(signal: AbortSignal): Promise<Lease<I>>;
  /** One that runs already. It gets requests once it answers. */
  adopt(instance: I, version: string): void;
  /**
   * Settings or the version may have changed. Instances of another version serve until the first of the new one does, and go
   * when they have no request left. Rejects when the new one does not start; the old ones serve on then.
   */
  renew(): Promise<void>;
  /** Nothing new comes in; resolves when all have ended, each when it has no request left or `limitMs` have passed. */
  drain(limitMs?: number): Promise<void>;
  /** Nothing new comes in, and what is ready is let go of, alive. Resolves when no start is under way. */
  close(): Promise<void>;
  /** Of all that have been started and are not gone. */
  ids(): readonly Id[];
}

export function createPool<I extends PooledInstance>(app: string, name: string, hands: PoolHands<I>): Pool<I> {
  const { clock } = hands;
  const slots = new Set<Slot<I>>();
  const pause = createStartPause();
  let isClosed = false;
  const pump = (): void => {
    if (!isClosed) lookAfter();
  };
  const waiters = createWaiters<Lease<I>>(pump);
  const alarm = createAlarm(clock, pump);
  const record = (kind: string, facts: Readonly<Record<string, unknown>>): void =>
    hands.record({ at: clock.now(), kind, app, name, facts });

  const life = createSlotLife<I>({
    name,
    slots,
    hands,
    onReady: ({ isOutdated }) => {
      pause.succeeded();
      if (!isOutdated) endOutdated();
      pump();
    },
    onFailed: ({ isAdopted }, error) => {
      pause.failed(clock.elapsed());
      record('function.start-failed', { error: error.toJSON() });
      const isLastHope = [...slots].every(({ state }) => state === 'draining');
      // One of an earlier daemon may have ended long ago, which says nothing of the next.
      if (isLastHope && !isAdopted) waiters.failAll(error);
      pump();
    },
    onLost: pump,
    onGone: () => {
      if (hands.settings().isAlone) pump();
    },
  });

  const endOutdated = (): void => {
    for (const slot of [...slots].filter(isReady)) if (slot.isOutdated) void life.end(slot);
  };

  const giveBack = (slot: Slot<I>): void => {
    slot.inFlight -= 1;
    if (slot.inFlight === 0) slot.idleSince = clock.elapsed();
    if (slot.inFlight === 0 && slot.state === 'draining') slot.empty.resolve();
    if (slot.inFlight === 0 || waiters.size > 0) pump();
  };

  const take = (slot: ReadySlot<I>): Lease<I> => {
    slot.inFlight += 1;
    slot.lastUsed = clock.elapsed();
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      giveBack(slot);
    };
    const fail = (): void => {
      slot.isSuspect = true;
      if (isHeld && slot.state === 'ready') void life.end(slot);
      release();
    };
    return { instance: slot.instance, release, fail };
  };

  /** How many there may be besides those that are on their way out. */
  const roomFor = ({ max, isAlone }: PoolSettings): number =>
    isAlone ? max - [...slots].filter(({ state }) => state === 'draining').length : max;

  const sample = (): PoolSample => ({
    ...hands.settings(),
    max: roomFor(hands.settings()),
    waiting: waiters.size,
    starting: [...slots].filter(({ state }) => state === 'starting').length,
    ready: [...slots].filter(isReady).map(sampleOf),
    now: clock.elapsed(),
    notBefore: pause.until,
  });

  /** Gives places to those who wait, then starts and ends instances until nothing more is to be done for now. */
  const lookAfter = (): void => {
    serveWaiters();
    const { start, stop, reason, lookAt } = decide(sample());
    for (const slot of [...slots].filter(isReady)) if (stop.includes(slot.instance.id)) void life.end(slot);
    for (let count = 0; count < start; count += 1) life.begin(versionNow());
    const to = [...slots].filter(({ state }) => state !== 'draining').length;
    if (start + stop.length > 0) record('function.scaled', { to, reason });
    if (lookAt !== undefined) alarm.ringAt(lookAt);
  };

  const serveWaiters = (): void => {
    const { concurrency } = hands.settings();
    while (waiters.size > 0) {
      const slot = pick(slots, concurrency);
      if (slot === undefined) return;
      waiters.serve(take(slot));
    }
  };

  /** A function that is gone has none; its start says so in its own words. */
  const versionNow = (): string => hands.version() ?? '';

  /** Who waits for an instance that may still be started does not stand in the queue. */
  const refuseWhenFull = (): void => {
    const { queueMax, max, concurrency } = hands.settings();
    const taken = [...slots].filter(isReady).filter(({ isOutdated }) => !isOutdated);
    const inFlight = taken.reduce((sum, slot) => sum + Math.min(slot.inFlight, concurrency), 0);
    if (waiters.size >= max * concurrency - inFlight + queueMax)
      throw new MinkeError('QUEUE_FULL', { name, limit: queueMax });
  };

  const shut = (reason: string): void => {
    isClosed = true;
    alarm.close();
    waiters.failAll(new MinkeError('NO_INSTANCE', { name, reason }));
  };

  return {
    lease: async (signal) => {
      signal.throwIfAborted();
      if (isClosed) throw new MinkeError('NO_INSTANCE', { name, reason: 'it is being taken away' });
      const free = waiters.size === 0 ? pick(slots, hands.settings().concurrency) : undefined;
      if (free !== undefined) return take(free);
      refuseWhenFull();
      const served = waiters.wait(signal);
      pump();
      return await served;
    },
    adopt: (instance, version) => {
      life.adopt(instance, version).isOutdated = version !== versionNow();
    },
    renew: async () => {
      const wanted = versionNow();
      for (const slot of slots) slot.isOutdated = slot.version !== wanted;
      for (const slot of slots) if (slot.isOutdated && slot.state === 'starting') void life.end(slot);
      pump();
      if (isClosed || ![...slots].some((slot) => isReady(slot) && slot.isOutdated)) return;
      const current = [...slots].filter(({ state, isOutdated }) => state !== 'draining' && !isOutdated);
      if (current.some(isReady)) endOutdated();
      else await (current[0] ?? life.begin(wanted)).begun;
    },
    drain: async (limitMs) => {
      shut('it is being taken away');
      await Promise.all([...slots].map((slot) => life.end(slot, limitMs)));
    },
    close: async () => {
      shut('the daemon ends');
      const starting = [...slots].filter(({ state }) => state === 'starting');
      await Promise.all(starting.map((slot) => life.end(slot)));
    },
    ids: () => [...slots].flatMap(({ instance }) => instance?.id ?? []),
  };
}
