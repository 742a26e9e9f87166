import type { ConfigAnswer, UpRequest } from '../../api/types.ts';
import type { AppModel } from '../../model/app.ts';
import type { Transport } from '../../sdk/transport.ts';
import type { Context } from '../command/context.ts';
import { appFiles, filesHere } from './app-files.ts';

/** Options that say which app file is meant. */
export const appFileOptions = {
  file: { type: 'list', short: 'f', value: 'FILE', about: 'App file; several are merged in order' },
  project: {
    type: 'text',
    short: 'p',
    value: 'NAME',
    about: "Name of the app (default: the file's, else the folder's)",
  },
  profile: { type: 'list', value: 'NAME', about: 'Start the services of this profile too; "*" stands for all' },
} as const;

export const appOption = {
  app: { type: 'text', value: 'NAME', about: 'The app (default: the one of the app file here)' },
} as const;

/** What the daemon needs to read the app files itself. */
export function appRequest(
  { cwd, env }: Context,
  files: readonly string[],
  { project, profile = [] }: { readonly project?: string | undefined; readonly profile?: readonly string[] } = {},
): UpRequest {
  const environment = Object.fromEntries(
    Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
  return {
    files: appFiles(cwd, files, env),
    environment,
    ...(project === undefined ? {} : { project }),
    ...(profile.length === 0 ? {} : { profiles: profile }),
  };
}

export async function readModel(api: Transport, request: UpRequest, signal: AbortSignal): Promise<AppModel> {
  return (await api.json<ConfigAnswer>('config', { json: request, signal })).model;
}

/** The same, and tells what the file asks for and does not get. */
export async function readModelAloud({ err, signal }: Context, api: Transport, request: UpRequest): Promise<AppModel> {
  const { model, warnings } = await api.json<ConfigAnswer>('config', { json: request, signal });
  for (const { message, hint = '' } of warnings) {
    err.line(`${err.style('yellow', 'warning:')} ${message}${hint === '' ? '' : `. ${hint}`}`);
  }
  return model;
}

/** The app that was named, else MINKE_APP, else the one of the app file that lies nearest; undefined where there is none. */
export async function appHere(
  context: Context,
  api: Transport,
  named: string | undefined,
): Promise<string | undefined> {
  const known = named ?? context.env.MINKE_APP;
  if (known !== undefined) return known;
  const files = filesHere(context.cwd, context.env);
  if (files === undefined) return undefined;
  return (await readModel(api, appRequest(context, files), context.signal)).name;
}
