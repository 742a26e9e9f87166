import type { LogChunk } from '../../../sdk/runs.ts';
import { writeChunk } from '../../app/write-chunk.ts';
import { defineCommand } from '../../command/command.ts';
import { countOf } from '../../command/count.ts';
import { connect } from '../../daemon/connect.ts';
import { printJsonLines } from '../../terminal/json-lines.ts';

export const command = defineCommand({
  operands: [{ name: 'RUN', about: 'Its id, or the first digits of it' }],
  options: {
    follow: { type: 'flag', short: 'f', about: 'Go on until the run has ended' },
    attempt: { type: 'text', value: 'N', about: 'Only of this attempt, from 1 (default: the last)' },
  },
  about: "The run's stdout goes to stdout and its stderr to stderr, byte for byte.",
  handle: async (context, { options, operands: [id = ''] }) => {
    const { follow } = options;
    const { runs } = connect(context).minke;
    const attempt = options.attempt === undefined ? {} : { attempt: countOf('--attempt', options.attempt) };
    const chunks = runs.logs(id, { follow, ...attempt, signal: context.signal });
    if (context.isJson) return printJsonLines(context.out, encoded(chunks), follow);
    for await (const chunk of chunks) await writeChunk(context, chunk);
  },
});

async function* encoded(chunks: AsyncIterable<LogChunk>): AsyncGenerator {
  for await (const { stream, at, data } of chunks) yield { stream, at, data: data.toString('base64') };
}
