import { appOption } from '../app/app-request.ts';
import { changeServices, inWords, servicesOperand } from '../app/change-services.ts';
import { defineCommand } from '../command/command.ts';

export const command = defineCommand({
  operands: [servicesOperand],
  options: appOption,
  about: `Services are stopped and started anew, jobs that have completed too. What depends on one of them with restart: true
is restarted with it. The app file is not read again: minke up does that.`,
  examples: [{ line: 'minke restart db', about: 'One service of the app of this folder' }],
  handle: async (context, { options, operands: services }) =>
    await changeServices(
      context,
      options.app,
      { verb: 'restart', body: { services } },
      `restarted ${inWords(services)}`,
    ),
});
