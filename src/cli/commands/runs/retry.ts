import { retryRuns } from '../../app/retry-runs.ts';
import { defineCommand } from '../../command/command.ts';

export const command = defineCommand({
  operands: [{ name: 'RUN', isMany: true, about: 'Ids of runs that have ended, or the first digits of them' }],
  about: `Does the runs once more, each as a new run with the same arguments and input, and prints the new ids. One that is done
once more already is not done again: its line is the id of the run that does so.`,
  handle: async (context, { operands }) => await retryRuns(context, operands),
});
