import type { ServiceEnd } from '../../model/service-end.ts';
import type { ServicePlace } from '../../model/service-place.ts';
import type { Log } from '../../observe/log.ts';
import type { AppStore } from '../../store/store.ts';

/** Places that have ended for good, until they are started again: in memory, and in the store for the next daemon. */
export interface ServiceEnds {
  /** What an earlier daemon knew. Called once, first. */
  load(): Promise<void>;
  of(app: string): readonly ServiceEnd[];
  /** Never rejects; resolves when it is on disk, or cannot be. */
  put(end: ServiceEnd): Promise<void>;
  /** It is started again. */
  forget(place: ServicePlace): void;
  /** The store has forgotten the app with all of it. */
  forgetApp(app: string): void;
}

export function createServiceEnds(store: Pick<AppStore, 'putEnd' | 'removeEnd' | 'ends'>, log: Log): ServiceEnds {
  const all = new Map<string, ServiceEnd>();
  const keyOf = ({ app, service, replica }: ServicePlace): string => `${app}/${service}.${replica}`;
  /** Lost, it costs no more than a job that is done once more. */
  const write = async (written: Promise<void>): Promise<void> =>
    await written.catch((error: unknown) => log.warn('The end of a service could not be kept', { error }));
  return {
    load: async () => {
      for (const end of await store.ends()) all.set(keyOf(end), end);
    },
    of: (app) => [...all.values()].filter((end) => end.app === app),
    put: async (end) => {
      all.set(keyOf(end), end);
      await write(store.putEnd(end));
    },
    forget: (place) => {
      if (all.delete(keyOf(place))) void write(store.removeEnd(place));
    },
    forgetApp: (app) => {
      for (const [key, end] of all) if (end.app === app) all.delete(key);
    },
  };
}
