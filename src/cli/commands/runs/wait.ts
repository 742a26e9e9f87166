import { MinkeError } from '../../../errors/index.ts';
import { shortId } from '../../../model/ids.ts';
import { isSettled } from '../../../sdk/types.ts';
import { endingOf } from '../../app/run-ending.ts';
import { defineCommand } from '../../command/command.ts';
import { parseDuration } from '../../command/duration.ts';
import { connect } from '../../daemon/connect.ts';

export const command = defineCommand({
  operands: [{ name: 'RUN', about: 'Its id, or the first digits of it' }],
  options: {
    timeout: { type: 'text', value: '30s', about: 'Give up waiting after this time; the run goes on' },
  },
  about: "Prints the state that the run ended in and exits with the container's own code.",
  handle: async (context, { options, operands: [id = ''] }) => {
    const timeout = options.timeout === undefined ? Infinity : parseDuration('--timeout', options.timeout);
    const run = await connect(context).minke.runs.wait(id, { timeout, signal: context.signal });
    if (!isSettled(run.state)) {
      throw new MinkeError('TIMEOUT', { action: `The run ${shortId(run.id)}`, seconds: timeout / 1_000 });
    }
    if (context.isJson) context.out.json({ run });
    else context.out.line(run.state);
    return endingOf(context, run);
  },
});
