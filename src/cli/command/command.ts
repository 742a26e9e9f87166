import type { Context } from './context.ts';
import type { OptionSpec, Values } from './options.ts';

/** A command as data plus a handler. Name and summary stand in the table of all commands, so that help loads no handler. */
export interface Command<Options extends Readonly<Record<string, OptionSpec>>> {
  readonly operands?: readonly Operand[];
  readonly options?: Options;
  /** Everything from the first operand on belongs to what is started: `minke run IMAGE ls -l`. */
  readonly stopsAtOperand?: true;
  /** What the summary leaves open. */
  readonly about?: string;
  readonly examples?: readonly Example[];
  /** Answers the exit code; nothing means 0. Failures are thrown. */
  readonly handle: (context: Context, input: Input<Options>) => Promise<number | void>;
}

export interface Operand {
  readonly name: string;
  readonly about: string;
  readonly isOptional?: true;
  /** The last one may take all that is left. */
  readonly isMany?: true;
}

export interface Example {
  readonly line: string;
  readonly about: string;
}

export interface Input<Options extends Readonly<Record<string, OptionSpec>>> {
  readonly options: Values<Options>;
  readonly operands: readonly string[];
}

/** Any command, whatever its options: what the dispatcher deals in. */
export type AnyCommand = Command<Readonly<Record<string, OptionSpec>>>;

/** Checks a command's handler against its own options, then forgets them. */
export function defineCommand<const Options extends Readonly<Record<string, OptionSpec>>>(
  command: Command<Options>,
): AnyCommand {
  const { handle } = command;
  return { ...command, handle: (context, input) => handle(context, input as Input<Options>) };
}
