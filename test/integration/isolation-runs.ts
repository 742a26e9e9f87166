import { createMinke } from '../../src/sdk/minke.ts';
import type { RunOptions } from '../../src/model/run.ts';
import type { Run } from '../../src/sdk/types.ts';
import type { TestDaemon } from './daemon.ts';

export interface Ended {
  readonly run: Run;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a task of an app to its end, with options that only the operator may set; `timeoutMs`: default the task's own. */
export type RunTask = (
  task: string,
  args: readonly string[],
  options?: RunOptions,
  timeoutMs?: number,
) => Promise<Ended>;

export function runsOf(daemon: TestDaemon, app: string): RunTask {
  const minke = createMinke(daemon.api, app);
  return async (task, args, options = {}, timeoutMs) => {
    const json = { app, target: { function: task }, args, options, timeoutMs };
    const { run } = await daemon.api.json<{ run: Run }>('runs', { json });
    const settled = await minke.runs.wait(run.id);
    const text = { stdout: '', stderr: '' };
    for await (const { stream, data } of minke.runs.logs(run.id)) text[stream] += data.toString();
    return { run: settled, ...text };
  };
}
