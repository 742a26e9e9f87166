import type { UpRequest } from '../../api/types.ts';
import { loadApp } from '../../apps/load-app.ts';
import { MinkeError } from '../../errors/index.ts';
import type { AppModel } from '../../model/app.ts';
import { sendError, type ApiCall } from './call.ts';

/** The model, or undefined after everything that is wrong with it was answered. */
export function readModel({ response }: ApiCall, body: unknown): AppModel | undefined {
  const { files, project, environment } = checkUp(body);
  const loaded = loadApp({ files, project, environment });
  if ('model' in loaded) return loaded.model;
  const [first] = loaded.problems;
  sendError(
    response,
    first ?? new MinkeError('INTERNAL', { reason: 'an app file was refused without a reason' }),
    loaded.problems.map((problem) => problem.toJSON()),
  );
  return undefined;
}

function checkUp(body: unknown): UpRequest {
  const { files, project, environment = {} } = (body ?? {}) as Partial<UpRequest>;
  const isList =
    Array.isArray(files) && files.length > 0 && files.every((file) => typeof file === 'string' && file.startsWith('/'));
  if (!isList) throw new MinkeError('BAD_REQUEST', { reason: '"files" is not a list of absolute paths' });
  if (project !== undefined && typeof project !== 'string')
    throw new MinkeError('BAD_REQUEST', { reason: '"project" is not a string' });
  if (typeof environment !== 'object' || environment === null)
    throw new MinkeError('BAD_REQUEST', { reason: '"environment" is not an object' });
  return { files, environment, ...(project === undefined ? {} : { project }) };
}
