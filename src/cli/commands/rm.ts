import { appOption } from '../app/app-request.ts';
import { changeServices, inWords, servicesOperand } from '../app/change-services.ts';
import { defineCommand } from '../command/command.ts';

export const command = defineCommand({
  operands: [servicesOperand],
  options: {
    ...appOption,
    stop: { type: 'flag', short: 's', about: 'Stop first what runs' },
    force: { type: 'flag', short: 'f', about: 'For scripts of docker compose: nothing is asked here anyway' },
    volumes: {
      type: 'flag',
      short: 'v',
      about: 'For scripts of docker compose: nameless volumes go with their instance',
    },
  },
  about: `Services that were stopped, or have ended for good, are not shown any more, and what they wrote is deleted. What runs is left
alone. minke up and minke start bring them back; named volumes stay (minke down -v removes them).`,
  examples: [{ line: 'minke rm -s worker', about: 'Stop one service and forget it' }],
  handle: async (context, { options, operands: services }) =>
    await changeServices(
      context,
      options.app,
      { verb: 'rm', body: { services, stop: options.stop } },
      `removed ${inWords(services)}`,
    ),
});
