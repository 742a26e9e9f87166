import { MinkeError } from '../errors/index.ts';
import type { Id } from '../model/ids.ts';
import { isSettled, type Run } from '../model/run.ts';
import type { Clock } from '../observe/clock.ts';
import type { RunStore } from '../store/store.ts';
import type { Changes } from './changes.ts';
import type { Dispatcher } from './dispatcher.ts';
import { decideCancelled, type Ending } from './ending.ts';
import { daemonEnds } from './waiting.ts';

/** Ends a run wherever it is, and resolves once it is settled. @throws RUN_STATE when it was settled before. */
export type EndRun = (run: Run, ending: Ending) => Promise<Run>;

export function createEnder(options: {
  readonly runs: RunStore;
  readonly dispatcher: Dispatcher;
  readonly changes: Changes;
  readonly clock: Clock;
  /** Told of what was settled here. */
  readonly onSettled: (run: Run) => void;
  readonly closing: AbortSignal;
}): EndRun {
  const { runs, dispatcher, changes, clock, onSettled, closing } = options;

  const cancelQueued = async (run: Run, reason: string): Promise<void> => {
    const { to, patch } = decideCancelled(run, reason, clock.now());
    const cancelled = await runs.move(run.id, ['queued'], to, patch);
    if (cancelled === undefined) return;
    dispatcher.drop(run.id);
    onSettled(cancelled);
    changes.notify(run.id);
  };

  /** One try: after the next change (it began, it went back to the queue) it is made again. */
  const tryToEnd = async (run: Run, ending: Ending): Promise<Run | undefined> => {
    const attempt = dispatcher.attempt(run.id);
    if (attempt === undefined) await cancelQueued(run, ending.reason);
    else attempt.end(ending);
    return settledRow(run.id);
  };

  const settledRow = async (id: Id): Promise<Run | undefined> => {
    const row = await runs.get(id);
    if (row === undefined) throw new MinkeError('RUN_NOT_FOUND', { run: id });
    return isSettled(row.state) ? row : undefined;
  };

  return async (run, ending) => {
    const { id, state } = run;
    if (isSettled(state)) throw new MinkeError('RUN_STATE', { action: 'end', run: id, state });
    const settled = await changes.until(id, async () => tryToEnd(run, ending), closing);
    if (settled === undefined) throw daemonEnds();
    return settled;
  };
}
