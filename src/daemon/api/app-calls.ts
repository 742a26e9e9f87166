import { MinkeError } from '../../errors/index.ts';
import { isSet, readJson, sendJson, type ApiCall } from './call.ts';
import type { Desk } from './desk.ts';
import { readModel } from './read-model.ts';
import { sendProgress } from './send-progress.ts';

export const appHandlers = {
  config: async (_: Desk, call: ApiCall): Promise<void> => {
    const model = readModel(call, await readJson(call.request));
    if (model !== undefined) sendJson(call.response, 200, { model });
  },

  up: async ({ deploys }: Desk, call: ApiCall): Promise<void> => {
    const model = readModel(call, await readJson(call.request));
    if (model === undefined) return;
    await sendProgress(call, async (tell) => await deploys.up(model, tell, call.gone));
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
