import type { Context } from '../command/context.ts';
import { connect } from '../daemon/connect.ts';

/** Does each once more and prints the ids of the runs that do so, in the same order. */
export async function retryRuns(context: Context, ids: readonly string[]): Promise<void> {
  const { runs } = connect(context).minke;
  const retried = [];
  for (const id of ids) {
    const run = await runs.retry(id);
    if (!context.isJson) context.out.line(run.id);
    retried.push({ run: id, as: run.id });
  }
  if (context.isJson) context.out.json({ retried });
}
