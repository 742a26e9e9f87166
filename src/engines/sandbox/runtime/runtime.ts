import type { ProcessName } from '../../../linux/proc.ts';

/** As instance records name it; the folder of its state is called so too. */
export type RuntimeName = 'crun' | 'runc';

/** An OCI runtime as far as one differs from another. All share runc's command line. */
export interface RuntimeKind {
  readonly name: RuntimeName;
  /**
   * How it writes `--pid-file`. `in-place`: into the file that is named, so that it may be a pipe. `by-rename`: into another
   * file of the same folder, which then gets the name.
   */
  readonly announces: 'in-place' | 'by-rename';
  /** Its account of a container, in the container's folder of its state. */
  readonly stateFile: string;
  /** The container's first process, by that account. */
  processOf(state: unknown): ProcessName;
  /** Whether a line of its log (`--log-format=json`) says that it failed itself. */
  isFailure(line: LogLine): boolean;
}

export interface LogLine {
  readonly msg: string;
  readonly level?: string;
}
