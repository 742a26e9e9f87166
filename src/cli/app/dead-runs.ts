import type { Context } from '../command/context.ts';
import { usage } from '../command/parse.ts';
import { connect } from '../daemon/connect.ts';
import type { Run } from '../../sdk/types.ts';

export const deadOptions = {
  app: { type: 'text', value: 'NAME', about: 'Only of this app (default: all apps)' },
  function: { type: 'text', value: 'NAME', about: 'Only of this function' },
} as const;

export interface DeadFilter {
  readonly app?: string | undefined;
  readonly function?: string | undefined;
}

const most = 10_000;

/** Those that nobody has done once more, newest first. */
export async function deadRuns(context: Context, { app, function: name }: DeadFilter): Promise<readonly Run[]> {
  return await connect(context).minke.runs.list({
    state: 'dead',
    retried: false,
    limit: most,
    ...(app === undefined ? {} : { app }),
    ...(name === undefined ? {} : { function: name }),
  });
}

/** Named one by one, or with --all those of the filter; naming neither is no way to say "all". */
export async function chosenDead(
  context: Context,
  operands: readonly string[],
  options: DeadFilter & { readonly all: boolean },
): Promise<readonly string[]> {
  const isNamed = operands.length > 0;
  if (isNamed === options.all)
    throw usage(isNamed ? '--all and RUN exclude each other' : 'RUN is missing', 'Name the runs, or write --all.');
  return isNamed ? operands : (await deadRuns(context, options)).map(({ id }) => id);
}
