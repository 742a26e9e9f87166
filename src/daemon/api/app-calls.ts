import type { ConfigAnswer, RemoveRequest, ScaleRequest, ServicesRequest } from '../../api/types.ts';
import { wished, type Wish } from '../../apps/deploy/wish.ts';
import { MinkeError } from '../../errors/index.ts';
import type { AppModel } from '../../model/app.ts';
import { isSet, readJson, sendJson, type ApiCall } from './call.ts';
import type { Desk } from './desk.ts';
import { checkNames, readModel, sendProblems } from './read-model.ts';
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

  down: async (desk: Desk, call: ApiCall): Promise<void> => {
    const { name: app } = modelOf(desk, call);
    const options = { removeVolumes: isSet(call.query, 'volumes') };
    await sendProgress(call, async (tell) => {
      await desk.deploys.down(app, options, tell);
      return {};
    });
  },

  scale: async (desk: Desk, call: ApiCall): Promise<void> =>
    await change(desk, call, { verb: 'scale', replicas: replicasIn(await readJson(call.request)) }),
  stop: async (desk: Desk, call: ApiCall): Promise<void> =>
    await change(desk, call, { verb: 'stop', services: servicesIn(await readJson(call.request)) }),
  start: async (desk: Desk, call: ApiCall): Promise<void> =>
    await change(desk, call, { verb: 'start', services: servicesIn(await readJson(call.request)) }),
  restart: async (desk: Desk, call: ApiCall): Promise<void> =>
    await change(desk, call, { verb: 'restart', services: servicesIn(await readJson(call.request)) }),

  rm: async (desk: Desk, call: ApiCall): Promise<void> => {
    const body = await readJson(call.request);
    const services = servicesIn(body);
    const { stop } = (body ?? {}) as { readonly [Key in keyof RemoveRequest]: unknown };
    const model = modelOf(desk, call);
    wished(model, { verb: 'rm', services });
    await sendProgress(
      call,
      async (tell) => await desk.deploys.remove(model.name, { services, stop: stop === true }, tell, call.gone),
    );
  },

  apps: async ({ catalog }: Desk, { response }: ApiCall): Promise<void> => {
    sendJson(response, 200, { apps: catalog.list().map(({ model }) => model) });
  },

  app: async (desk: Desk, call: ApiCall): Promise<void> => sendJson(call.response, 200, { model: modelOf(desk, call) }),
};

/** What cannot be wished for is refused before anything is answered. */
async function change(desk: Desk, call: ApiCall, wish: Wish): Promise<void> {
  const model = modelOf(desk, call);
  wished(model, wish);
  await sendProgress(call, async (tell) => await desk.deploys.change(model.name, wish, tell, call.gone));
}

/** @throws APP_NOT_FOUND */
const modelOf = ({ catalog }: Desk, { parameters: { app = '' } }: ApiCall): AppModel => catalog.deployed(app).model;

function servicesIn(body: unknown): readonly string[] {
  const { services = [] } = (body ?? {}) as Partial<ServicesRequest>;
  return checkNames('services', services);
}

function replicasIn(body: unknown): ScaleRequest['replicas'] {
  const { replicas } = (body ?? {}) as Partial<ScaleRequest>;
  const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
  if (typeof replicas === 'object' && replicas !== null && Object.values(replicas).every(isCount)) return replicas;
  throw new MinkeError('BAD_REQUEST', { reason: '"replicas" does not say a number from 0 on for each service' });
}
