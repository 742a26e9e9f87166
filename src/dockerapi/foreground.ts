import type { Id } from '../model/ids.ts';
import type { Clock } from '../observe/clock.ts';

/**
 * Which runs somebody at a function's door watches (attach, wait, followed log). When the watcher's instance ends, what it
 * watched ends too; what nobody watched is detached and goes on.
 */
export interface Foreground {
  /** The returned function tells that the watch is over; calling it again changes nothing. */
  watch(caller: Id, run: Id): () => void;
  isWatched(run: Id): boolean;
  /** The runs that `caller` watches, or watched until a moment ago; forgets them. */
  take(caller: Id): readonly Id[];
}

/** A caller's sockets close when it dies, which can be seen before its end is: so long a closed watch still counts. */
const graceMs = 2000;

export function createForeground(clock: Pick<Clock, 'elapsed'>): Foreground {
  const watches = new Map<Id, Set<Watch>>();
  const of = (caller: Id): Set<Watch> => {
    const known = watches.get(caller) ?? new Set();
    watches.set(caller, known);
    return known;
  };
  const isFresh = (watch: Watch): boolean => watch.closedAt === undefined || clock.elapsed() - watch.closedAt < graceMs;
  return {
    watch(caller, run) {
      const mine = of(caller);
      for (const old of mine) if (!isFresh(old)) mine.delete(old);
      const watch: Watch = { run, closedAt: undefined };
      mine.add(watch);
      return () => {
        watch.closedAt ??= clock.elapsed();
      };
    },
    isWatched: (run) =>
      [...watches.values()].some((mine) =>
        [...mine].some((watch) => watch.run === run && watch.closedAt === undefined),
      ),
    take(caller) {
      const mine = [...(watches.get(caller) ?? [])].filter(isFresh);
      watches.delete(caller);
      return [...new Set(mine.map(({ run }) => run))];
    },
  };
}

interface Watch {
  readonly run: Id;
  closedAt: number | undefined;
}
