import { EventEmitter, once } from 'node:events';
import type { Engine, Instance, Networks } from '../../engines/engine.ts';
import type { Id } from '../../model/ids.ts';
import { hasEnded } from './has-ended.ts';

/** To which instances the names of services lead now. */
export interface Published {
  /** Resolves when the name of its service leads to it as well. Does nothing where it does so already. */
  add(instance: Instance): Promise<void>;
  /** Resolves when the name leads to the others alone: new connections wait where there are none. */
  remove(app: string, service: string, instances: readonly Id[]): Promise<void>;
  of(app: string, service: string): readonly Instance[];
  /** One after the other in turn, but for those of `except`; waits for one, and rejects with the signal's reason. */
  next(app: string, service: string, signal: AbortSignal, except: ReadonlySet<Id>): Promise<Instance>;
}

export interface PublishedOptions extends Pick<Engine, 'inspect'> {
  readonly networks: Pick<Networks, 'publish'>;
}

export function createPublished(engine: PublishedOptions): Published {
  const all = new Map<string, readonly Instance[]>();
  const turns = new Map<string, number>();
  const news = new EventEmitter().setMaxListeners(0);
  const keyOf = (app: string, service: string): string => `${app}/${service}`;
  const of = (app: string, service: string): readonly Instance[] => all.get(keyOf(app, service)) ?? [];
  const set = (app: string, service: string, instances: readonly Instance[]): void => {
    if (instances.length > 0) all.set(keyOf(app, service), instances);
    else all.delete(keyOf(app, service));
  };
  const without = (app: string, service: string, ids: readonly Id[]): readonly Instance[] =>
    of(app, service).filter(({ handle }) => !ids.includes(handle.id));

  /** The address of one that has ended may be another's before its end is told here. */
  const lead = async (app: string, service: string): Promise<void> => {
    const looked = await Promise.all(
      of(app, service).map(async ({ handle: { id } }) => ((await hasEnded(engine, id)) ? [id] : [])),
    );
    const living = without(app, service, looked.flat());
    await engine.networks.publish(
      app,
      service,
      living.flatMap(({ address }) => address ?? []),
    );
  };

  return {
    add: async (instance) => {
      const { app, name, id } = instance.spec;
      if (of(app, name).some(({ handle }) => handle.id === id)) return;
      // Before the network has it, so that what is published meanwhile does not leave it out.
      set(app, name, [...of(app, name), instance]);
      try {
        await lead(app, name);
      } catch (error) {
        set(app, name, without(app, name, [id]));
        throw error;
      }
      news.emit(keyOf(app, name));
    },
    remove: async (app, service, ids) => {
      const left = without(app, service, ids);
      if (left.length === of(app, service).length) return;
      set(app, service, left);
      await lead(app, service);
    },
    of,
    next: async (app, service, signal, except) => {
      const key = keyOf(app, service);
      for (;;) {
        const found = of(app, service).filter(({ handle }) => !except.has(handle.id));
        const turn = turns.get(key) ?? 0;
        const chosen = found[turn % found.length];
        turns.set(key, turn + 1);
        if (chosen !== undefined) return chosen;
        await once(news, key, { signal }).catch(() => signal.throwIfAborted());
      }
    },
  };
}
