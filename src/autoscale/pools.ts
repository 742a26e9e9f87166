import { MinkeError } from '../errors/index.ts';
import type { Id } from '../model/ids.ts';
import { createPool, type Pool } from './pool.ts';
import type { Lease, PooledInstance, PoolHands } from './pool-hands.ts';

/** The pools of all `http` functions, by app and name. */
export interface Pools<I extends PooledInstance> {
  /** As `Pool.lease` says. */
  lease(target: PoolTarget, signal: AbortSignal): Promise<Lease<I>>;
  /** An instance of an earlier daemon; `version` as it was told when it was started. */
  adopt(target: PoolTarget, instance: I, version: string): void;
  /** After the app was deployed: `names` are its functions now. Those that are gone drain by themselves. Rejects as `Pool.renew` does. */
  renew(app: string, names: readonly string[]): Promise<void>;
  /** Lets nothing of this app in until the answer is called, and resolves when all its instances are gone, as `Pool.drain` does. */
  drain(app: string, limitMs: number): Promise<() => void>;
  /** Lets go of everything: what is ready lives on. */
  close(): Promise<void>;
  ids(): readonly Id[];
}

export interface PoolTarget {
  readonly app: string;
  readonly name: string;
}

export function createPools<I extends PooledInstance>(handsOf: (target: PoolTarget) => PoolHands<I>): Pools<I> {
  const apps = new Map<string, Map<string, Pool<I>>>();
  /** Pools that drain by themselves. */
  const leaving = new Set<Pool<I>>();
  const drained = new Set<string>();
  let isClosed = false;

  const poolOf = (target: PoolTarget): Pool<I> => {
    const { app, name } = target;
    const ofApp = apps.get(app) ?? new Map<string, Pool<I>>();
    apps.set(app, ofApp);
    const pool = ofApp.get(name) ?? createPool(app, name, handsOf(target));
    ofApp.set(name, pool);
    return pool;
  };

  const leave = async (pool: Pool<I>, limitMs?: number): Promise<void> => {
    leaving.add(pool);
    await pool.drain(limitMs);
    leaving.delete(pool);
  };

  const forget = (app: string, isKept: (name: string) => boolean): Pool<I>[] => {
    const ofApp = apps.get(app);
    const gone = [...(ofApp ?? [])].filter(([name]) => !isKept(name));
    for (const [name] of gone) ofApp?.delete(name);
    return gone.map(([, pool]) => pool);
  };

  const all = (): Pool<I>[] => [...[...apps.values()].flatMap((ofApp) => [...ofApp.values()]), ...leaving];

  return {
    lease: async (target, signal) => {
      if (!isClosed && !drained.has(target.app)) return await poolOf(target).lease(signal);
      throw new MinkeError('NO_INSTANCE', { name: target.name, reason: 'it is being taken away' });
    },
    adopt: (target, instance, version) => poolOf(target).adopt(instance, version),
    renew: async (app, names) => {
      const wanted = new Set(names);
      for (const pool of forget(app, (name) => wanted.has(name))) void leave(pool);
      await Promise.all([...(apps.get(app)?.values() ?? [])].map(async (pool) => await pool.renew()));
    },
    drain: async (app, limitMs) => {
      drained.add(app);
      await Promise.all(forget(app, () => false).map(async (pool) => await leave(pool, limitMs)));
      return () => void drained.delete(app);
    },
    close: async () => {
      isClosed = true;
      await Promise.all(all().map(async (pool) => await pool.close()));
    },
    ids: () => all().flatMap((pool) => pool.ids()),
  };
}
