import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../linux/write-whole.ts';
import { isId, type Id } from '../../model/ids.ts';
import type { InstanceExit } from '../../model/instance.ts';
import type { LogChunk } from '../engine.ts';

/** How lasting instances ended: their containers know the code, but not why. */
export interface Exits {
  list(): readonly Id[];
  read(id: Id): InstanceExit | undefined;
  /** `ended`: as in RecordedOutput. */
  keep(id: Id, exit: InstanceExit, ended: readonly Stream[]): void;
  /** What was kept of that. */
  ended(id: Id): readonly Stream[];
  forget(id: Id): void;
}

type Kept = InstanceExit & { readonly ended?: readonly Stream[] };
type Stream = LogChunk['stream'];

export function createExits(folder: string): Exits {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (id: Id): string => join(folder, id);
  const readKept = (id: Id): Kept | undefined => {
    try {
      return JSON.parse(readFileSync(fileOf(id), 'utf8')) as Kept;
    } catch {
      return undefined;
    }
  };
  return {
    list: () => readdirSync(folder).filter(isId),
    read: (id) => {
      const { ended: _, ...exit } = readKept(id) ?? {};
      return 'code' in exit ? exit : undefined;
    },
    ended: (id) => readKept(id)?.ended ?? [],
    keep: (id, exit, ended) => writeWhole(fileOf(id), JSON.stringify({ ...exit, ended })),
    forget: (id) => rmSync(fileOf(id), { force: true }),
  };
}
