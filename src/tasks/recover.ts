import type { Log } from '../observe/log.ts';
import type { Run, RunState } from '../model/run.ts';
import type { RunStore } from '../store/store.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { LaunchableRun, Launcher } from './launcher.ts';

const pageSize = 500;

/**
 * Takes up what an earlier daemon left: what lives (or ended meanwhile) is watched on, what is gone runs again, what
 * waited waits again in the order of its acceptance.
 */
export async function recoverRuns(options: {
  readonly runs: RunStore;
  readonly launcher: Launcher;
  readonly dispatcher: Dispatcher;
  readonly log: Log;
}): Promise<void> {
  const { runs, launcher, dispatcher, log } = options;
  let adopted = 0;
  let again = 0;
  const takeUp = async (run: Run): Promise<void> => {
    if (await adopt(run)) adopted += 1;
    else again += 1;
  };

  const adopt = async (run: Run): Promise<boolean> => {
    const launched = isLaunchable(run) ? await launcher.adopt(run) : undefined;
    if (launched === undefined || !isLaunchable(run)) {
      await dispatcher.requeue(run);
      return false;
    }
    if (await isInputCut(run)) {
      await launched.stop(0);
      await dispatcher.requeue(run);
      return false;
    }
    dispatcher.resume(run, launched);
    return true;
  };

  /** See Dispatcher: a run with input is `starting` until all of it has gone in, and its stdin ended with the daemon. */
  const isInputCut = async (run: Run): Promise<boolean> =>
    run.state === 'starting' && run.options.stdin === 'open' && (await runs.input(run.id)) !== undefined;

  for (const run of await all(runs, ['starting', 'running'])) await takeUp(run);
  for await (const run of pages(runs, ['queued'])) dispatcher.enqueue(run);
  if (adopted + again > 0) log.info('Runs were taken up again', { adopted, again });
}

const isLaunchable = (run: Run): run is LaunchableRun => run.instance !== undefined;

/** All before the first is touched: taking one up changes what the next page would be. */
async function all(runs: RunStore, states: readonly RunState[]): Promise<readonly Run[]> {
  const found: Run[] = [];
  for await (const run of pages(runs, states)) found.push(run);
  return found;
}

async function* pages(runs: RunStore, states: readonly RunState[]): AsyncGenerator<Run> {
  for (let after: { readonly after?: string } = {}; ;) {
    const page = await runs.list({ states, order: 'oldest', limit: pageSize, ...after });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return;
    after = { after: last.id };
  }
}
