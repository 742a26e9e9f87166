import { appFileOptions, appRequest, readModelAloud } from '../app/app-request.ts';
import { defineCommand } from '../command/command.ts';
import { connect } from '../daemon/connect.ts';

export const command = defineCommand({
  operands: [{ name: 'FILE', isOptional: true, isMany: true, about: 'App file, or its folder; several are merged' }],
  options: {
    ...appFileOptions,
    quiet: { type: 'flag', short: 'q', about: 'Only check: print nothing when all is well' },
  },
  about: 'Prints what minke understood, every default filled in, as JSON. Nothing is started or changed.',
  examples: [{ line: 'minke config -q && echo fine', about: 'Check the app file of this folder' }],
  handle: async (context, { options, operands }) => {
    const { api } = connect(context);
    const request = appRequest(context, [...options.file, ...operands], options);
    const model = await readModelAloud(context, api, request);
    if (!options.quiet) context.out.json(model);
  },
});
