import { appHere, appOption } from '../app/app-request.ts';
import { printLogs, readLogs } from '../app/print-logs.ts';
import { defineCommand } from '../command/command.ts';
import { connect } from '../daemon/connect.ts';
import { printJsonLines } from '../terminal/json-lines.ts';

export const command = defineCommand({
  operands: [{ name: 'NAME', isOptional: true, isMany: true, about: 'Services or functions (default: all)' }],
  options: {
    ...appOption,
    follow: { type: 'flag', short: 'f', about: 'Go on until Ctrl-C' },
  },
  about: 'With --format json the output is one array, or with -f one JSON document a line; `data` is base64.',
  examples: [{ line: 'minke logs -f db', about: 'Follow one service' }],
  handle: async (context, { options, operands: names }) => {
    const { api } = connect(context);
    const app = await appHere(context, api, options.app);
    const query = { app, names, isFollowing: options.follow, signal: context.signal };
    if (context.isJson) await printJsonLines(context.out, readLogs(api, query), options.follow);
    else await printLogs(api, query, context.out);
  },
});
