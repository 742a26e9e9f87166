import type { MinkeError } from '../../errors/index.ts';
import { problemsOf } from '../../sdk/answer-error.ts';
import type { Output } from './output.ts';

/** Every problem that an error stands for, and the exit code of the worst of them. */
export function reportFailure(err: Output, error: MinkeError): number {
  const problems = problemsOf(error);
  for (const problem of problems) reportError(err, problem);
  return Math.max(...problems.map(({ entry }) => entry.exit));
}

/** `minke: <what failed>: <why>` and, where there is a way out, `hint: ...` below it. */
export function reportError(err: Output, error: MinkeError): void {
  err.line(`${err.style('red', 'minke:')} ${error.message}`);
  if (error.hint !== undefined && error.hint !== '') err.line(`${err.style('yellow', 'hint:')} ${error.hint}`);
}
