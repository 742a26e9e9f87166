import { appOption } from '../app/app-request.ts';
import { changeServices, inWords, servicesOperand } from '../app/change-services.ts';
import { defineCommand } from '../command/command.ts';

export const command = defineCommand({
  operands: [servicesOperand],
  options: appOption,
  about: `Starts what minke stop has stopped, and what has failed for good, and comes back when it is ready. What it depends on and
was stopped too is not started with it.`,
  examples: [{ line: 'minke start worker', about: 'One service of the app of this folder' }],
  handle: async (context, { options, operands: services }) =>
    await changeServices(context, options.app, { verb: 'start', body: { services } }, `started ${inWords(services)}`),
});
