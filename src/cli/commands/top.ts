import type { ProcessRows, TopAnswer } from '../../api/types.ts';
import { appHere, appOption } from '../app/app-request.ts';
import { defineCommand } from '../command/command.ts';
import { connect } from '../daemon/connect.ts';
import { printTable } from '../terminal/table.ts';

export const command = defineCommand({
  operands: [{ name: 'NAME', isOptional: true, isMany: true, about: 'Services or functions (default: all)' }],
  options: appOption,
  about: 'Numbers and users are those of the host, as ps -ef shows them.',
  examples: [{ line: 'minke top db', about: 'What runs in one service' }],
  handle: async (context, { options, operands: name }) => {
    const { api } = connect(context);
    const app = await appHere(context, api, options.app);
    const { instances } = await api.json<TopAnswer>('top', { query: { app, name }, signal: context.signal });
    if (context.isJson) return context.out.json({ instances });
    for (const [at, one] of instances.entries()) {
      if (at > 0) context.out.line();
      context.out.line(context.out.style('bold', titleOf(one, app)));
      printTable(context.out, one.titles, one.processes);
    }
  },
});

/** The app is told where it could be another. */
const titleOf = ({ app, name, replica }: ProcessRows, known: string | undefined): string =>
  `${known === undefined ? `${app}/` : ''}${name}${replica === undefined ? '' : `.${replica}`}`;
