import type { Output } from '../terminal/output.ts';
import type { CommandEntry } from './entry.ts';

/** What a command finds around it. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly version: string;
  /** The file that starts this command line, for a daemon to be started from. */
  readonly entry: string;
  readonly isJson: boolean;
  readonly out: Output;
  readonly err: Output;
  /** Aborted by Ctrl-C, SIGTERM or a reader that went away; its reason is an Interrupt. A second one ends the process. */
  readonly signal: AbortSignal;
  readonly commands: readonly CommandEntry[];
}
