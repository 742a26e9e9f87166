import { appOption } from '../app/app-request.ts';
import { changeServices } from '../app/change-services.ts';
import { defineCommand } from '../command/command.ts';
import { usage } from '../command/parse.ts';

export const command = defineCommand({
  operands: [{ name: 'SERVICE=N', isMany: true, about: 'A service, and how many instances of it are to run' }],
  options: appOption,
  about: `Comes back when all of them are ready. The daemon remembers the numbers when it begins anew; the next minke up goes
by what the file says. With 0 none runs. Functions scale by themselves: x-minke.scale.max is their limit.`,
  examples: [
    { line: 'minke scale web=5', about: 'Start as many more as it takes, or end the last' },
    { line: 'minke scale web=2 worker=8', about: 'Several at once' },
  ],
  handle: async (context, { options, operands }) => {
    const replicas = Object.fromEntries(operands.map(readScale));
    await changeServices(context, options.app, { verb: 'scale', body: { replicas } }, `scaled ${operands.join(', ')}`);
  },
});

function readScale(text: string): [string, number] {
  const [, service, count] = /^([^=]+)=(\d{1,9})$/.exec(text) ?? [];
  if (service !== undefined) return [service, Number(count)];
  throw usage(`"${text}" does not say how many of which service`, 'Write SERVICE=N: minke scale web=3');
}
