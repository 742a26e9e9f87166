import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { appFileOptions, appRequest, readModel } from '../app/app-request.ts';
import { takeDown } from '../app/take-down.ts';
import { defineCommand } from '../command/command.ts';
import { connect } from '../daemon/connect.ts';

export const command = defineCommand({
  operands: [{ name: 'NAME|FILE', isOptional: true, about: 'The app by its name, or by its file or folder' }],
  options: {
    ...appFileOptions,
    volumes: { type: 'flag', short: 'v', about: 'Remove its volumes too, with all that is in them' },
  },
  about: 'Without NAME or FILE the app file is looked for as by minke up.',
  examples: [
    { line: 'minke down', about: 'End the app of this folder' },
    { line: 'minke down voting -v', about: 'By name, with its data' },
  ],
  handle: async (context, { options, operands: [named] }) => {
    const { api } = connect(context);
    const isFile = named !== undefined && (/[/\\]|\.ya?ml$/.test(named) || existsSync(resolve(context.cwd, named)));
    const files = isFile ? [...options.file, named] : options.file;
    const known = options.project ?? (isFile ? undefined : named);
    const app =
      known ?? (await readModel(api, appRequest(context, files, { profile: options.profile }), context.signal)).name;
    await takeDown(context, api, app, options.volumes);
  },
});
