import { defineCommand } from '../../command/command.ts';
import { connect } from '../../daemon/connect.ts';

export const command = defineCommand({
  operands: [{ name: 'RUN', isMany: true, about: 'Ids, or the first digits of them' }],
  about: 'Ends the runs; their containers are killed and their output is kept.',
  handle: async (context, { operands }) => {
    const { runs } = connect(context).minke;
    for (const id of operands) await runs.cancel(id);
    if (context.isJson) context.out.json({ cancelled: operands });
    else for (const id of operands) context.out.line(id);
  },
});
