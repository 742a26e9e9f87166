import { chosenDead, deadOptions } from '../../app/dead-runs.ts';
import { retryRuns } from '../../app/retry-runs.ts';
import { defineCommand } from '../../command/command.ts';

export const command = defineCommand({
  operands: [{ name: 'RUN', isOptional: true, isMany: true, about: 'Ids, or the first digits of them' }],
  options: { all: { type: 'flag', about: 'All of them' }, ...deadOptions },
  about:
    'Does dead runs once more, each as a new run with the same arguments, input and retries, and prints the new ids.',
  examples: [{ line: 'minke dead redrive --all --function record-vote', about: 'Those of one function' }],
  handle: async (context, { options, operands }) =>
    await retryRuns(context, await chosenDead(context, operands, options)),
});
