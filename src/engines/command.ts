import type { Readable, Writable } from 'node:stream';
import type { TerminalSize } from '../model/instance.ts';

/** What is run in a living instance beside its own program: a health check, or what an operator types. */
export interface Command {
  /** A program without a slash is looked for in the PATH of its environment. */
  readonly argv: readonly string[];
  /** Over the instance's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** As in ImageConfig.user; absent = the instance's. */
  readonly user?: string;
  /** Absent = the instance's. */
  readonly workdir?: string;
  /** Then it is killed, with all that it started; Infinity = never. */
  readonly timeoutMs: number;
  /** So much of the end of its output is kept, where nobody is attached. */
  readonly outputBytes: number;
  /** Whoever reads all that it writes, as it comes, and may write to it. Absent = nobody. */
  readonly attached?: Attachment;
}

export interface Attachment {
  readonly stdin: 'none' | 'open';
  /** It has a terminal of this size at first, and all that it writes is on stdout. */
  readonly terminal?: TerminalSize;
  /** Called once, when its process exists; not at all where it could not be started. */
  readonly begun: (streams: CommandStreams) => void;
}

/** They end with the command. What is not read holds it up. */
export interface CommandStreams {
  /** On the host. */
  readonly pid: number;
  /** With `stdin: open`. */
  readonly stdin?: Writable;
  readonly stdout: Readable;
  /** Absent with a terminal. */
  readonly stderr?: Readable;
  /** False without a terminal, and before it has it. */
  resize(size: TerminalSize): boolean;
}

export interface CommandEnd {
  /** As a shell gives it; 127 where there is no such program and 126 where it could not be started, with the reason as output. */
  readonly code: number;
  readonly cause: 'exited' | 'timed-out';
  /** stdout and stderr in the order in which they were written; of an attached one empty, unless it could not be started. */
  readonly output: Buffer;
}
