import { runStates, type RunState } from '../../../sdk/types.ts';
import { defineCommand } from '../../command/command.ts';
import { countOf } from '../../command/count.ts';
import { usage } from '../../command/parse.ts';
import { connect } from '../../daemon/connect.ts';
import { printRuns } from '../../terminal/print-runs.ts';

export const command = defineCommand({
  options: {
    app: { type: 'text', value: 'NAME', about: 'Only of this app (default: all apps)' },
    function: { type: 'text', value: 'NAME', about: 'Only of this function' },
    state: { type: 'list', value: 'STATE', about: 'Only in this state; may be repeated' },
    limit: { type: 'text', short: 'n', value: 'COUNT', about: 'At most so many, newest first (default: 20)' },
  },
  examples: [{ line: 'minke runs ls --state failed -n 5', about: 'The last five that failed' }],
  handle: async (context, { options }) => {
    const { minke } = connect(context);
    const { app, function: name } = options;
    const runs = await minke.runs.list({
      limit: countOf('--limit', options.limit ?? '20'),
      state: options.state.map(stateOf),
      ...(app === undefined ? {} : { app }),
      ...(name === undefined ? {} : { function: name }),
    });
    if (context.isJson) context.out.json({ runs });
    else printRuns(context.out, runs);
  },
});

function stateOf(text: string): RunState {
  const state = runStates.find((one) => one === text);
  if (state !== undefined) return state;
  throw usage(`--state cannot be "${text}": a run is in no such state`, `They are ${runStates.join(', ')}.`);
}
