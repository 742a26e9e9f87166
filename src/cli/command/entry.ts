import type { AnyCommand } from './command.ts';

/** A line of the table of all commands. */
export interface CommandEntry {
  /** One word, or two: `runs ls`. */
  readonly name: string;
  readonly group: Group;
  /** One line, what it does. */
  readonly summary: string;
  readonly load: () => Promise<AnyCommand>;
}

export type Group = 'App' | 'Call' | 'Runs' | 'Images' | 'Daemon' | 'Shell';
