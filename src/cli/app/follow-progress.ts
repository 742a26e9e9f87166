import type { ErrorBody } from '../../errors/index.ts';
import { MinkeError } from '../../errors/index.ts';
import type { ProgressLine } from '../../api/types.ts';
import { formatBytes } from '../terminal/units.ts';
import { errorWithProblems } from '../../sdk/answer-error.ts';
import type { Progress } from '../terminal/progress.ts';

export interface Outcome {
  readonly isChanged: boolean;
  /** Of `pull` and `build`. */
  readonly images: NonNullable<ProgressLine['images']>;
  readonly steps: readonly { readonly step: string; readonly subject: string; readonly ms: number }[];
}

/**
 * Shows long work as it goes and answers when it is done; `onNote` gets what programs under way write. Rejects with the error
 * that it ended with.
 */
export async function followProgress(
  lines: AsyncIterable<ProgressLine & { readonly problems?: readonly ErrorBody[] }>,
  progress: Progress,
  onNote: (note: string) => void = () => undefined,
): Promise<Outcome> {
  const active = new Map<string, string>();
  const steps: { step: string; subject: string; ms: number }[] = [];
  try {
    for await (const line of lines) {
      if (line.error !== undefined) throw errorWithProblems({ ...line, error: line.error });
      if (line.done === true) return { isChanged: line.changed ?? true, images: line.images ?? [], steps };
      const { step = '', subject = '', ms = 0 } = line;
      const title = `${step} ${subject}`.trim();
      if (line.state === 'ended') active.delete(title);
      else active.set(title, `${title}${detailOf(line)}`);
      if (line.state === 'ended') steps.push({ step, subject, ms });
      progress.show(active.size === 0 ? title : [...active.values()].join(', '));
      if (line.note !== undefined) onNote(line.note);
    }
  } finally {
    progress.clear();
  }
  throw new MinkeError('CONNECTION_LOST', { address: 'the daemon', reason: 'it ended before the work was done' });
}

/** How far it is: `: 12 of 80 MiB`, or the last that it wrote. */
function detailOf({ doneBytes, totalBytes, note }: ProgressLine): string {
  if (doneBytes !== undefined && totalBytes !== undefined)
    return `: ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
  return note === undefined ? '' : `: ${note}`;
}
