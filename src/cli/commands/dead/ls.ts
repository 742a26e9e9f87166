import { deadOptions, deadRuns } from '../../app/dead-runs.ts';
import { defineCommand } from '../../command/command.ts';
import { printRuns } from '../../terminal/print-runs.ts';

export const command = defineCommand({
  options: deadOptions,
  about: `Runs whose attempts are used up, or that had not begun at their greatest age. They are kept for 14 days, until they are
done once more (minke dead redrive) or removed (minke dead purge).`,
  handle: async (context, { options }) => {
    const runs = await deadRuns(context, options);
    if (context.isJson) context.out.json({ runs });
    else printRuns(context.out, runs);
  },
});
