import type { Id } from '../../model/ids.ts';

/** One container that a kept root was in. */
export interface RootLife {
  readonly root: Id;
  /** Larger than those of all before it. */
  readonly number: number;
  /** Its name in the engine. */
  readonly container: string;
  /** Absent where nobody wants its output. */
  readonly instance?: Id;
  /** It runs nothing, and never has: it is there for its files to be seen. */
  readonly isOnlyOpen?: true;
  /** The image that was made for it; absent for a first life. */
  readonly image?: string;
  /** Its root is no more, and there for nobody: it goes with its output. */
  readonly isRemoved?: true;
}

/** The lives that have a container in the engine. */
export interface RootIndex {
  add(life: RootLife): void;
  /** Takes it out, and the other in. */
  replace(life: RootLife, by?: RootLife): void;
  /** In no order; the removed ones as well. */
  of(root: Id): readonly RootLife[];
  ofInstance(instance: Id): RootLife | undefined;
  /** The one that has the root. */
  last(root: Id): RootLife | undefined;
  all(): readonly RootLife[];
}

export function createRootIndex(): RootIndex {
  const roots = new Map<Id, readonly RootLife[]>();
  const instances = new Map<Id, RootLife>();
  const of = (root: Id): readonly RootLife[] => roots.get(root) ?? [];

  const add = (life: RootLife): void => {
    roots.set(life.root, [...of(life.root), life]);
    if (life.instance !== undefined) instances.set(life.instance, life);
  };

  return {
    add,
    replace: (life, by) => {
      const others = of(life.root).filter((one) => one !== life);
      if (others.length > 0) roots.set(life.root, others);
      else roots.delete(life.root);
      if (life.instance !== undefined) instances.delete(life.instance);
      if (by !== undefined) add(by);
    },
    of,
    ofInstance: (instance) => instances.get(instance),
    last: (root) =>
      of(root)
        .filter(({ isRemoved }) => isRemoved !== true)
        .toSorted((one, other) => one.number - other.number)
        .at(-1),
    all: () => [...roots.values()].flat(),
  };
}
