import { chosenDead, deadOptions } from '../../app/dead-runs.ts';
import { defineCommand } from '../../command/command.ts';
import { connect } from '../../daemon/connect.ts';

export const command = defineCommand({
  operands: [{ name: 'RUN', isOptional: true, isMany: true, about: 'Ids, or the first digits of them' }],
  options: { all: { type: 'flag', about: 'All of them' }, ...deadOptions },
  about: 'Removes dead runs with their logs and results, and prints their ids.',
  handle: async (context, { options, operands }) => {
    const { runs } = connect(context).minke;
    const ids = await chosenDead(context, operands, options);
    for (const id of ids) {
      await runs.remove(id);
      if (!context.isJson) context.out.line(id);
    }
    if (context.isJson) context.out.json({ removed: ids });
  },
});
