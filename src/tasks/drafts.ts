import type { Id } from '../model/ids.ts';
import type { Draft } from './submission.ts';

/**
 * Runs that were created and not started, as Docker's `create` records them: in memory, gone with the daemon. The
 * oldest gives way when there are too many, since nobody may ever start it.
 */
export interface Drafts {
  add(draft: Draft): void;
  get(id: Id): Draft | undefined;
  find(prefix: string): Draft | undefined;
  /** Newest first. */
  list(): readonly Draft[];
  remove(id: Id): boolean;
}

export function createDrafts(limit: number): Drafts {
  const drafts = new Map<Id, Draft>();
  return {
    add: (draft) => {
      drafts.set(draft.run.id, draft);
      const [oldest] = drafts.keys();
      if (drafts.size > limit && oldest !== undefined) drafts.delete(oldest);
    },
    get: (id) => drafts.get(id),
    find: (prefix) => {
      const found = [...drafts.values()].filter(({ run }) => run.id.startsWith(prefix));
      return found.length === 1 ? found[0] : undefined;
    },
    list: () => [...drafts.values()].toReversed(),
    remove: (id) => drafts.delete(id),
  };
}
