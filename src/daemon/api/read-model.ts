import type { UpRequest } from '../../api/types.ts';
import type * as LoadApp from '../../apps/load-app.ts';
import { MinkeError } from '../../errors/index.ts';
import type { AppModel } from '../../model/app.ts';
import { sendError, type ApiCall } from './call.ts';

type Reader = Pick<typeof LoadApp, 'loadApp'>;

/**
 * What reads app files is a third of the daemon's modules, and nothing that a daemon takes up when it starts needs it: the
 * daemon loads it once it answers.
 */
export const loadReader = async (): Promise<Reader> => await import('../../apps/load-app.ts');

/** The app as its files say, or undefined after everything that is wrong with them was answered. */
export async function readModel(
  call: ApiCall,
  body: unknown,
): Promise<Extract<LoadApp.LoadedApp, { model: AppModel }> | undefined> {
  const request = checkUp(body);
  const { loadApp } = await loadReader();
  const loaded = loadApp(request);
  if ('model' in loaded) return loaded;
  sendProblems(call, loaded.problems);
  return undefined;
}

export function sendProblems({ response }: ApiCall, problems: readonly MinkeError[]): void {
  const [first = new MinkeError('INTERNAL', { reason: 'an app file was refused without a reason' })] = problems;
  sendError(
    response,
    first,
    problems.map((problem) => problem.toJSON()),
  );
}

function checkUp(body: unknown): UpRequest {
  const { files, project, profiles, targets, environment = {} } = (body ?? {}) as Partial<UpRequest>;
  const isList =
    Array.isArray(files) && files.length > 0 && files.every((file) => typeof file === 'string' && file.startsWith('/'));
  if (!isList) throw new MinkeError('BAD_REQUEST', { reason: '"files" is not a list of absolute paths' });
  if (project !== undefined && typeof project !== 'string')
    throw new MinkeError('BAD_REQUEST', { reason: '"project" is not a string' });
  if (typeof environment !== 'object' || environment === null)
    throw new MinkeError('BAD_REQUEST', { reason: '"environment" is not an object' });
  return {
    files,
    environment,
    ...(project === undefined ? {} : { project }),
    ...(profiles === undefined ? {} : { profiles: checkNames('profiles', profiles) }),
    ...(targets === undefined ? {} : { targets: checkNames('targets', targets) }),
  };
}

/** @throws BAD_REQUEST */
export function checkNames(key: string, names: unknown): readonly string[] {
  if (Array.isArray(names) && names.every((name): name is string => typeof name === 'string')) return names;
  throw new MinkeError('BAD_REQUEST', { reason: `"${key}" is not a list of names` });
}
