import type { ProgressLine, RemoveRequest, ScaleRequest, ServicesRequest } from '../../api/types.ts';
import type { Operand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { usage } from '../command/parse.ts';
import { connect } from '../daemon/connect.ts';
import { createProgress } from '../terminal/progress.ts';
import { formatTook } from '../terminal/units.ts';
import { appHere } from './app-request.ts';
import { followProgress } from './follow-progress.ts';

export const servicesOperand: Operand = {
  name: 'SERVICE',
  isOptional: true,
  isMany: true,
  about: 'Only these services (default: all of the app)',
};

type Asked =
  | { readonly verb: 'scale'; readonly body: ScaleRequest }
  | { readonly verb: 'rm'; readonly body: RemoveRequest }
  | { readonly verb: 'stop' | 'start' | 'restart'; readonly body: ServicesRequest };

/** Has services of an app that is up brought to what was asked for, and says so: `done` is how it is called, such as "stopped web". */
export async function changeServices(
  context: Context,
  named: string | undefined,
  { verb, body }: Asked,
  done: string,
): Promise<void> {
  const { out, err, isJson, signal } = context;
  const { api } = connect(context);
  const app = await appHere(context, api, named);
  if (app === undefined) throw usage('There is no app file here or in a folder above', 'Name the app: --app NAME');
  const begun = performance.now();
  const lines = api.lines<ProgressLine>(verb, { parameters: { app }, json: body, signal });
  const { isChanged, steps } = await followProgress(lines, createProgress(err));
  if (isJson) return out.json({ app, changed: isChanged, steps });
  const took = formatTook(performance.now() - begun);
  out.line(`${out.style('bold', app)}: ${isChanged ? `${done} (${took})` : 'nothing had to change'}`);
}

/** `web, db`, or all of them. */
export const inWords = (services: readonly string[]): string =>
  services.length === 0 ? 'all services' : services.join(', ');
