import type { ConfigAnswer } from '../../api/types.ts';
import { MinkeError } from '../../errors/index.ts';
import { isSet, readJson, sendJson, type ApiCall } from './call.ts';
import type { Desk } from './desk.ts';
import { readModel, sendProblems } from './read-model.ts';
import { sendProgress } from './send-progress.ts';

export const appHandlers = {
  config: async (_: Desk, call: ApiCall): Promise<void> => {
    const loaded = await readModel(call, await readJson(call.request));
    if (loaded === undefined) return;
    const { model, warnings, lacking } = loaded;
    const told = [...warnings, ...lacking];
    sendJson(call.response, 200, {
      model,
      warnings: told.map((warning) => warning.toJSON()),
    } satisfies ConfigAnswer);
  },

  up: async ({ deploys }: Desk, call: ApiCall): Promise<void> => {
    const loaded = await readModel(call, await readJson(call.request));
    if (loaded === undefined) return;
    if (loaded.lacking.length > 0) return sendProblems(call, loaded.lacking);
    await sendProgress(call, async (tell) => await deploys.up(loaded, tell, call.gone));
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
