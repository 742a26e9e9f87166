import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RootChange } from '../engine.ts';

/** What in a root was not as in the image when a life of it began: the engine tells only what that life has changed. */
export interface RootHistory {
  /** Nothing of a first life. */
  read(life: string): readonly RootChange[];
  keep(life: string, changes: readonly RootChange[]): void;
  forget(life: string): void;
  /** All but those of these lives are forgotten. */
  forgetBut(lives: ReadonlySet<string>): void;
}

export function createRootHistory(folder: string): RootHistory {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const forget = (life: string): void => rmSync(join(folder, life), { force: true });
  return {
    read: (life) => {
      try {
        return JSON.parse(readFileSync(join(folder, life), 'utf8')) as readonly RootChange[];
      } catch {
        return [];
      }
    },
    // As a whole or not at all.
    keep: (life, changes) => {
      writeFileSync(join(folder, `${life}.new`), JSON.stringify(changes));
      renameSync(join(folder, `${life}.new`), join(folder, life));
    },
    forget,
    forgetBut: (lives) => readdirSync(folder).forEach((file) => lives.has(file) || forget(file)),
  };
}
