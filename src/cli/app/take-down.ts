import type { ProgressLine } from '../../api/types.ts';
import type { Transport } from '../../sdk/transport.ts';
import type { Context } from '../command/context.ts';
import { createProgress } from '../terminal/progress.ts';
import { formatTook } from '../terminal/units.ts';
import { followProgress } from './follow-progress.ts';

/** Ends an app and says so. It goes on after a first Ctrl-C: stopping is what that asks for. */
export async function takeDown(context: Context, api: Transport, app: string, withVolumes: boolean): Promise<void> {
  const { out, err, isJson } = context;
  const begun = performance.now();
  const lines = api.lines<ProgressLine>('down', { parameters: { app }, query: { volumes: withVolumes } });
  const { steps } = await followProgress(lines, createProgress(err));
  if (isJson) out.json({ app, steps });
  else out.line(`${out.style('bold', app)} is down (${formatTook(performance.now() - begun)})`);
}
