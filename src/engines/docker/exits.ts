import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isId, type Id } from '../../model/ids.ts';
import type { InstanceExit } from '../../model/instance.ts';

/** How lasting instances ended: their containers know the code, but not why. */
export interface Exits {
  list(): readonly Id[];
  read(id: Id): InstanceExit | undefined;
  keep(id: Id, exit: InstanceExit): void;
  forget(id: Id): void;
}

export function createExits(folder: string): Exits {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (id: Id): string => join(folder, id);
  return {
    list: () => readdirSync(folder).filter(isId),
    read: (id) => {
      try {
        return JSON.parse(readFileSync(fileOf(id), 'utf8')) as InstanceExit;
      } catch {
        return undefined;
      }
    },
    // As a whole or not at all.
    keep: (id, exit) => {
      writeFileSync(`${fileOf(id)}.new`, JSON.stringify(exit));
      renameSync(`${fileOf(id)}.new`, fileOf(id));
    },
    forget: (id) => rmSync(fileOf(id), { force: true }),
  };
}
