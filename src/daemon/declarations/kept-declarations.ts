import { readFileSync } from 'node:fs';
import type { ContainerRequest } from '../../dockerapi/containers.ts';
import { writeWhole } from '../../linux/write-whole.ts';
import type { Id } from '../../model/ids.ts';

/** A container that stands for a function, whether that is there now or not. */
export interface Declaration {
  readonly id: Id;
  /** Of the function, in its app. */
  readonly name: string;
  readonly request: ContainerRequest;
  readonly createdAt: number;
  /** When it was started and stopped last. */
  readonly startedAt?: number;
  readonly endedAt?: number;
}

/** In a file: of one that was only created, or that was stopped, there is nothing else. */
export interface KeptDeclarations {
  list(): readonly Declaration[];
  get(id: Id): Declaration | undefined;
  put(declaration: Declaration): void;
  remove(id: Id): void;
}

export function keepDeclarations(file: string): KeptDeclarations {
  const all = new Map(readDeclarations(file).map((one) => [one.id, one]));
  const save = (): void => writeWhole(file, JSON.stringify([...all.values()]), { mode: 0o600 });
  return {
    list: () => [...all.values()],
    get: (id) => all.get(id),
    put: (declaration) => {
      all.set(declaration.id, declaration);
      save();
    },
    remove: (id) => {
      if (all.delete(id)) save();
    },
  };
}

function readDeclarations(file: string): readonly Declaration[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as readonly Declaration[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
