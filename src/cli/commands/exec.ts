import type { InstanceRow, InstancesAnswer } from '../../api/types.ts';
import { shortId } from '../../model/ids.ts';
import { MinkeError } from '../../errors/index.ts';
import type { Transport } from '../../sdk/transport.ts';
import { appHere, appOption } from '../app/app-request.ts';
import { environmentOf } from '../app/container-flags.ts';
import { execute } from '../app/execute.ts';
import { defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { countOf } from '../command/count.ts';
import { connect } from '../daemon/connect.ts';

export const command = defineCommand({
  operands: [
    { name: 'NAME', about: 'A service, a function that runs at the moment, or an id of minke ps' },
    { name: 'COMMAND', about: 'A program of its image' },
    { name: 'ARG', isOptional: true, isMany: true, about: 'Its arguments, passed on as they are' },
  ],
  stopsAtOperand: true,
  options: {
    detach: { type: 'flag', short: 'd', about: 'Come back at once and let it go on' },
    'no-tty': { type: 'flag', short: 'T', about: 'No terminal, though there is one here' },
    env: { type: 'list', short: 'e', value: 'K=V', about: 'Environment variable; K alone takes its value from here' },
    user: { type: 'text', short: 'u', value: 'NAME', about: "User, or user:group (default: the service's)" },
    workdir: { type: 'text', short: 'w', value: 'FOLDER', about: "Where it starts (default: the service's)" },
    index: { type: 'text', value: 'N', about: 'Which instance of a service that has several (default: the first)' },
    ...appOption,
  },
  about: `The command has the rights, the limits and the network of the instance, and what is typed here; with a terminal where there is
one at both ends. It exits with the command's own code. Options stand before NAME.`,
  examples: [
    { line: 'minke exec db sh', about: 'A shell beside the database' },
    { line: 'minke exec -T db psql -U postgres <dump.sql', about: 'With input' },
  ],
  handle: async (context, { options, operands: [name = '', ...argv] }) => {
    const { api } = connect(context);
    const app = await appHere(context, api, options.app);
    const index = options.index === undefined ? undefined : countOf('--index', options.index);
    const { id } = await find(context, api, { app, name, index });
    const query = {
      argv,
      env: Object.entries(environmentOf(options.env, context.env)).map(([key, value]) => `${key}=${value}`),
      user: options.user,
      workdir: options.workdir,
    };
    return await execute(context, api, id, query, { isDetached: options.detach, isBare: options['no-tty'] });
  },
});

interface Wanted {
  readonly app: string | undefined;
  readonly name: string;
  readonly index: number | undefined;
}

/** By name in the app here, else by the beginning of an id that only one has. */
async function find(context: Context, api: Transport, { app, name, index }: Wanted): Promise<InstanceRow> {
  const { instances } = await api.json<InstancesAnswer>('instances', { signal: context.signal });
  const named = instances
    .filter((row) => row.name === name && (app === undefined || row.app === app) && row.state === 'running')
    .toSorted((one, other) => (one.replica ?? 0) - (other.replica ?? 0));
  const found = index === undefined ? named[0] : named.find(({ replica }) => replica === index);
  if (found !== undefined) return found;
  const byId = instances.filter(({ id }) => name.length >= 4 && id.startsWith(name));
  if (byId.length === 1 && byId[0] !== undefined) return byId[0];
  throw new MinkeError('CONFLICT', { reason: reasonOf(name, named, index) });
}

function reasonOf(name: string, named: readonly InstanceRow[], index: number | undefined): string {
  if (named.length === 0 || index === undefined)
    return `"${name}" does not run at the moment; minke ps shows what does`;
  const there = named.map(({ replica = 1, id }) => `${replica} (${shortId(id)})`).join(', ');
  return `"${name}" has no instance ${index}; there are ${there}`;
}
