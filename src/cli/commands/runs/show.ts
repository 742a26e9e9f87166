import { defineCommand } from '../../command/command.ts';
import { connect } from '../../daemon/connect.ts';
import { targetName, tookOf } from '../../terminal/print-runs.ts';
import { printPairs } from '../../terminal/table.ts';

export const command = defineCommand({
  operands: [{ name: 'RUN', about: 'Its id, or the first digits of it' }],
  handle: async (context, { operands: [id = ''] }) => {
    const run = await connect(context).minke.runs.get(id);
    if (context.isJson) return context.out.json({ run });
    printPairs(context.out, [
      ['run', run.id],
      ['app', run.app],
      ['target', targetName(run)],
      ['arguments', run.args.length === 0 ? undefined : JSON.stringify(run.args)],
      ['state', run.state],
      ['exit code', run.exitCode === undefined ? undefined : String(run.exitCode)],
      ['error', run.error?.message],
      ['attempts', run.retries === undefined ? String(run.attempts) : `${run.attempts} of ${run.retries.max + 1}`],
      ...(run.failures ?? []).map(({ attempt, endedAt, error }): [string, string] => [
        `attempt ${attempt}`,
        `${moment(endedAt)} ${error.message}`,
      ]),
      ['created', moment(run.createdAt)],
      ['not before', run.state === 'queued' ? moment(run.notBefore) : undefined],
      ['started', moment(run.startedAt)],
      ['ended', moment(run.endedAt)],
      ['took', tookOf(run)],
      ['call-back', run.callback === undefined ? undefined : `${run.callback.state}, ${run.callback.url}`],
      ['instance', run.instance],
      ['asked by', run.parent],
      ['once more', run.retryOf],
      ['done again as', run.retriedAs],
    ]);
  },
});

const moment = (at: number | undefined): string | undefined =>
  at === undefined ? undefined : new Date(at).toISOString();
