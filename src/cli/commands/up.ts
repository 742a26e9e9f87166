import type { ProgressLine, StatusAnswer } from '../../api/types.ts';
import { MinkeError } from '../../errors/index.ts';
import type { AppModel } from '../../model/app.ts';
import { appFileOptions, appRequest, readModelAloud } from '../app/app-request.ts';
import { followProgress, type Outcome } from '../app/follow-progress.ts';
import { printLogs } from '../app/print-logs.ts';
import { takeDown } from '../app/take-down.ts';
import { addressesOf } from '../app/addresses.ts';
import { defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { connect, type Daemon } from '../daemon/connect.ts';
import { ensureDaemon } from '../daemon/start.ts';
import { createProgress } from '../terminal/progress.ts';
import { formatTook } from '../terminal/units.ts';

export const command = defineCommand({
  operands: [{ name: 'FILE', isOptional: true, isMany: true, about: 'App file, or its folder; several are merged' }],
  options: {
    ...appFileOptions,
    detach: { type: 'flag', short: 'd', about: 'Leave the app running and come back' },
    wait: { type: 'flag', about: 'Come back when everything is ready (implies -d)' },
    engine: { type: 'text', value: 'NAME', about: 'Insist on this engine; a daemon that is started has it' },
  },
  about: `Without FILE the app file is looked for as Compose does: compose.yaml, compose.yml, docker-compose.yml or
docker-compose.yaml, here or in a folder above. A daemon is started when none answers. Without -d the logs are
followed, and Ctrl-C brings the app down; --format json implies -d.`,
  examples: [
    { line: 'minke up -d', about: 'Start the app of this folder' },
    { line: 'minke up examples/voting -p mine', about: 'Another folder, under a name of its own' },
  ],
  handle: async (context, { options, operands }) => {
    const daemon = connect(context);
    const request = appRequest(context, [...options.file, ...operands], options);
    const progress = createProgress(context.err);
    const env = options.engine === undefined ? context.env : { ...context.env, MINKE_ENGINE: options.engine };
    const status = await ensureDaemon({ ...context, env }, daemon.api, progress).finally(progress.clear);
    checkEngine(status, options.engine);
    const model = await readModelAloud(context, daemon.api, request);
    const bringUp = async (): Promise<void> => {
      const lines = daemon.api.lines<ProgressLine>('up', { json: request, signal: context.signal });
      const begun = performance.now();
      const outcome = await followProgress(lines, progress);
      report(context, model, status, outcome, performance.now() - begun);
    };
    if (options.detach || options.wait || context.isJson) await bringUp();
    else await inForeground(context, daemon, model, bringUp);
  },
});

function checkEngine({ engine }: StatusAnswer, asked: string | undefined): void {
  if (asked === undefined || asked === engine.name) return;
  const reason = `the daemon that answers runs on the engine "${engine.name}"`;
  throw new MinkeError('NOT_SUPPORTED', { what: `--engine ${asked}`, reason });
}

/** As Compose does it: the app lives as long as this command. */
async function inForeground(
  context: Context,
  { api }: Daemon,
  model: AppModel,
  bringUp: () => Promise<void>,
): Promise<void> {
  const { out, err, signal } = context;
  try {
    await bringUp();
    if (err.isTerminal) err.line(err.style('dim', 'Following its logs; Ctrl-C brings it down.'));
    await printLogs(api, { app: model.name, names: [], isFollowing: true, signal }, out);
  } finally {
    if (signal.aborted) await takeDown(context, api, model.name, false).catch(unlessNotThere);
  }
}

/** Ctrl-C may come before there is anything to take down. */
function unlessNotThere(error: unknown): void {
  if (!(error instanceof MinkeError && error.code === 'APP_NOT_FOUND')) throw error;
}

function report(context: Context, model: AppModel, status: StatusAnswer, outcome: Outcome, ms: number): void {
  const { out } = context;
  const addresses = addressesOf(model, status.gateway);
  if (context.isJson) {
    out.json({ app: model.name, changed: outcome.isChanged, steps: outcome.steps, addresses });
    return;
  }
  const what = outcome.isChanged ? `is up (${formatTook(ms)})` : 'is up already, nothing had to change';
  out.line(`${out.style('bold', model.name)} ${what}`);
  const width = Math.max(0, ...addresses.map(({ name }) => name.length));
  for (const { name, url } of addresses) out.line(`  ${name.padEnd(width)}  ${out.style('cyan', url)}`);
}
