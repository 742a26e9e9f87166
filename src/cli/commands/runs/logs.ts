import type { LogChunk } from '../../../sdk/runs.ts';
import { defineCommand } from '../../command/command.ts';
import { connect } from '../../daemon/connect.ts';
import { printJsonLines } from '../../terminal/json-lines.ts';

export const command = defineCommand({
  operands: [{ name: 'RUN', about: 'Its id, or the first digits of it' }],
  options: {
    follow: { type: 'flag', short: 'f', about: 'Go on until the run has ended' },
  },
  about: "The run's stdout goes to stdout and its stderr to stderr, byte for byte.",
  handle: async (context, { options, operands: [id = ''] }) => {
    const { follow } = options;
    const { runs } = connect(context).minke;
    const chunks = runs.logs(id, { follow, signal: context.signal });
    if (context.isJson) return printJsonLines(context.out, encoded(chunks), follow);
    for await (const { stream, data } of chunks) (stream === 'stdout' ? context.out : context.err).write(data);
  },
});

async function* encoded(chunks: AsyncIterable<LogChunk>): AsyncGenerator {
  for await (const { stream, at, data } of chunks) yield { stream, at, data: data.toString('base64') };
}
