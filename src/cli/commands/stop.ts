import { appOption } from '../app/app-request.ts';
import { changeServices, inWords, servicesOperand } from '../app/change-services.ts';
import { defineCommand } from '../command/command.ts';

export const command = defineCommand({
  operands: [servicesOperand],
  options: appOption,
  about: `Each gets its stop signal, and its stop_grace_period to end. What was stopped stays so, also when the daemon begins anew, until
minke start or minke up; its volumes stay as well. Functions go on answering.`,
  examples: [{ line: 'minke stop worker', about: 'One service of the app of this folder' }],
  handle: async (context, { options, operands: services }) =>
    await changeServices(context, options.app, { verb: 'stop', body: { services } }, `stopped ${inWords(services)}`),
});
