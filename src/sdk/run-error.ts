import { catalogue, MinkeError, type ErrorCode } from '../errors/index.ts';
import type { Run } from './types.ts';

/** A run that did not succeed: it ended with another exit code than 0, or was timed out, cancelled or lost. */
export class RunError extends MinkeError {
  override readonly name = 'RunError';
  /** What the container ended with, 0-255; undefined when it never ran to an end of its own. */
  readonly exitStatus: number | undefined;
  /** The arguments that it was given. */
  readonly command: readonly string[];
  /** The function's name or the image's reference, whichever was asked for. */
  readonly target: string;
  /** The image's reference; undefined when a function was asked for. */
  readonly image: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly run: Run;

  constructor(run: Run, output: { readonly stdout: Buffer; readonly stderr: Buffer }) {
    const name = 'image' in run.target ? run.target.image : run.target.function;
    super(codeOf(run), { name, run: run.id, exitCode: run.exitCode });
    const stderr = output.stderr.toString();
    this.message = describe(run, this.message, stderr);
    this.exitStatus = run.exitCode;
    this.command = run.args;
    this.target = name;
    this.image = 'image' in run.target ? run.target.image : undefined;
    this.stdout = output.stdout.toString();
    this.stderr = stderr;
    this.run = run;
  }
}

function codeOf(run: Run): ErrorCode {
  const code = run.error?.code ?? '';
  return Object.hasOwn(catalogue, code) ? (code as ErrorCode) : 'RUN_FAILED';
}

/** What happened, and the last thing that it said about it. */
function describe(run: Run, fallback: string, stderr: string): string {
  const what = run.error?.message ?? fallback;
  const lastLine = stderr.trimEnd().split('\n').at(-1) ?? '';
  return lastLine === '' ? what : `${what}: ${lastLine}`;
}
