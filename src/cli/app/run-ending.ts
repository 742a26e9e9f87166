import { RunError } from '../../sdk/run-error.ts';
import type { Run } from '../../sdk/types.ts';
import type { Context } from '../command/context.ts';
import { reportError } from '../terminal/report-error.ts';

/**
 * The exit code for a settled run: the container's own where it has one. A plain failure needs no words of ours, since
 * the container spoke for itself; a time-out, a cancel or a kill by the kernel is told.
 */
export function endingOf(context: Context, run: Run): number {
  if (run.state === 'succeeded') return 0;
  const error = new RunError(run, { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) });
  const spokeForItself = error.code === 'RUN_FAILED' && run.state === 'failed' && run.exitCode !== undefined;
  if (!spokeForItself) reportError(context.err, error);
  return run.exitCode !== undefined && run.exitCode !== 0 ? run.exitCode : error.entry.exit;
}
