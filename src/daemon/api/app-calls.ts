import type { ProgressLine, UpRequest } from '../../api/types.ts';
import { loadApp } from '../../apps/load-app.ts';
import { MinkeError, toMinkeError } from '../../errors/index.ts';
import type { AppModel } from '../../model/app.ts';
import { beginLines, isSet, readJson, sendError, sendJson, writeLine, type ApiCall } from './call.ts';
import type { Desk } from './desk.ts';

export const appHandlers = {
  config: async (_: Desk, call: ApiCall): Promise<void> => {
    const model = await readModel(call);
    if (model !== undefined) sendJson(call.response, 200, { model });
  },

  up: async ({ deploys }: Desk, call: ApiCall): Promise<void> => {
    const model = await readModel(call);
    if (model === undefined) return;
    await sendProgress(call, async (tell) => await deploys.up(model, tell));
  },

  down: async ({ deploys, catalog }: Desk, call: ApiCall): Promise<void> => {
    const { app = '' } = call.parameters;
    if (catalog.get(app) === undefined) throw new MinkeError('APP_NOT_FOUND', { app });
    const options = { removeVolumes: isSet(call.query, 'volumes') };
    await sendProgress(call, async (tell) => {
      await deploys.down(app, options, tell);
      return {};
    });
  },

  apps: async ({ catalog }: Desk, { response }: ApiCall): Promise<void> => {
    sendJson(response, 200, { apps: catalog.list().map(({ model }) => model) });
  },

  app: async ({ catalog }: Desk, { response, parameters }: ApiCall): Promise<void> => {
    const { app = '' } = parameters;
    const deployed = catalog.get(app);
    if (deployed === undefined) throw new MinkeError('APP_NOT_FOUND', { app });
    sendJson(response, 200, { model: deployed.model });
  },
};

/** The model, or undefined after everything that is wrong with it was answered. */
async function readModel({ request, response }: ApiCall): Promise<AppModel | undefined> {
  const { files, project, environment } = checkUp(await readJson(request));
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

/** A line for each step as it goes; the last says how it ended. */
async function sendProgress(
  call: ApiCall,
  work: (tell: (line: ProgressLine) => void) => Promise<{ readonly changed?: boolean }>,
): Promise<void> {
  beginLines(call.response);
  // One after the other: a thousand that wait for the same connection would each listen for its turn.
  let told = Promise.resolve();
  const tell = (line: ProgressLine): void => {
    told = told.then(async () => await writeLine(call, line));
  };
  try {
    tell({ done: true, ...(await work(tell)) });
  } catch (error) {
    tell({ error: toMinkeError(error).toJSON() });
  }
  await told;
  call.response.end();
}
