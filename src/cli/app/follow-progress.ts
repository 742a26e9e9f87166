import type { ErrorBody } from '../../errors/index.ts';
import { MinkeError } from '../../errors/index.ts';
import type { ProgressLine } from '../../api/types.ts';
import { errorWithProblems } from '../../sdk/answer-error.ts';
import type { Progress } from '../terminal/progress.ts';

export interface Outcome {
  readonly isChanged: boolean;
  readonly steps: readonly { readonly step: string; readonly subject: string; readonly ms: number }[];
}

/** Shows long work as it goes and answers when it is done. Rejects with the error that it ended with. */
export async function followProgress(
  lines: AsyncIterable<ProgressLine & { readonly problems?: readonly ErrorBody[] }>,
  progress: Progress,
): Promise<Outcome> {
  const active = new Set<string>();
  const steps: { step: string; subject: string; ms: number }[] = [];
  try {
    for await (const line of lines) {
      if (line.error !== undefined) throw errorWithProblems({ ...line, error: line.error });
      if (line.done === true) return { isChanged: line.changed ?? true, steps };
      const { step = '', subject = '', ms = 0 } = line;
      const title = `${step} ${subject}`.trim();
      if (line.state === 'begun') active.add(title);
      else active.delete(title);
      if (line.state === 'ended') steps.push({ step, subject, ms });
      progress.show(active.size === 0 ? title : [...active].join(', '));
    }
  } finally {
    progress.clear();
  }
  throw new MinkeError('CONNECTION_LOST', { address: 'the daemon', reason: 'it ended before the work was done' });
}
