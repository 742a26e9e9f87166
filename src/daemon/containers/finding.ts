import type { Id } from '../../model/ids.ts';
import type { Run } from '../../model/run.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import type { Kept } from './kept.ts';
import type { Lives } from './lives.ts';

/** Containers by the names that clients have for them. */
export interface Finding {
  /** By full id, name or the beginning of an id that only one has. */
  kept(reference: string): Kept | undefined;
  /** The same of what is a run, among those that the parent asked for. */
  single(reference: string, parent: Id | undefined): Promise<Run | undefined>;
  singles(parent: Id | undefined): Promise<readonly Run[]>;
}

export function createFinding(tasks: Tasks, lives: Pick<Lives, 'get' | 'list'>): Finding {
  /** Runs that are no container's life: of functions, and asked for by minke's own API. */
  const singles = async (parent: Id | undefined): Promise<readonly Run[]> => {
    const drafts = tasks.drafts().filter((run) => parent === undefined || run.parent === parent);
    const accepted = await tasks.list({ limit: 10_000, ...(parent === undefined ? {} : { parent }) });
    return [...drafts, ...accepted.filter((run) => !tasks.isDraft(run.id))].filter(
      (run) => run.container === undefined,
    );
  };

  return {
    singles,
    kept: (reference) =>
      lives.get(reference) ??
      byReference(reference, lives.list(), ({ record: { id, options } }) => ({ id, name: options.name })),
    single: async (reference, parent) => {
      const isVisible = (run: Run): boolean => parent === undefined || run.parent === parent;
      const byId = isIdPart.test(reference) ? await tasks.find(reference) : undefined;
      // A further life goes by its container's id.
      if (byId !== undefined && isVisible(byId) && (byId.container ?? byId.id) === byId.id) return byId;
      return (await singles(parent)).find((run) => run.options.name === reference);
    },
  };
}

/** By full id, name or the beginning of an id that only one has. */
export function byReference<One>(
  reference: string,
  all: readonly One[],
  called: (one: One) => { readonly id: Id; readonly name: string | undefined },
): One | undefined {
  const exact = all.find((one) => called(one).id === reference || called(one).name === reference);
  if (exact !== undefined || !isIdPart.test(reference)) return exact;
  const begun = all.filter((one) => called(one).id.startsWith(reference));
  return begun.length === 1 ? begun[0] : undefined;
}

const isIdPart = /^[0-9a-f]{4,64}$/;
