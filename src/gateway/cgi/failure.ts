import { MinkeError } from '../../errors/index.ts';
import type { InstanceExit, InstanceLimits } from '../../model/instance.ts';

export interface Culprit {
  readonly name: string;
  readonly limits: Pick<InstanceLimits, 'memoryBytes' | 'pids'>;
}

/** Why there is no good answer: what the kernel did to the program comes before what it wrote. */
export function cgiFailure({ name, limits }: Culprit, reason: string, exit: InstanceExit | undefined): MinkeError {
  if (exit?.cause === 'out-of-memory') {
    return new MinkeError('OUT_OF_MEMORY', { name, limit: formatBytes(limits.memoryBytes) });
  }
  if (exit?.cause === 'pids-limit') return new MinkeError('PIDS_LIMIT', { name, limit: limits.pids });
  return new MinkeError('CGI_BAD_OUTPUT', { name, reason: `${reason}${endOf(exit)}`, exitCode: exit?.code });
}

/** Ended in a way that makes its last bytes doubtful. A plain exit code is the program's own word and no such way. */
export function isBroken({ code, cause }: InstanceExit): boolean {
  return code !== 0 && (cause !== 'exited' || code > 128);
}

function endOf(exit: InstanceExit | undefined): string {
  if (exit === undefined) return '';
  if (exit.cause === 'lost') return ', and it was lost';
  return `, and it ended with exit code ${exit.code}`;
}

function formatBytes(bytes: number): string {
  const mebibytes = bytes / 1024 ** 2;
  return mebibytes >= 1024 && mebibytes % 1024 === 0 ? `${mebibytes / 1024} GiB` : `${Math.round(mebibytes)} MiB`;
}
