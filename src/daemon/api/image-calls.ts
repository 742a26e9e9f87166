import type { BuildRequest } from '../../api/types.ts';
import { MinkeError } from '../../errors/index.ts';
import type { ImageSummary } from '../../image/operations.ts';
import type { FetchProgress } from '../../image/source.ts';
import { obtainImages } from '../parts/obtain-images.ts';
import { isSet, readJson, sendJson, type ApiCall } from './call.ts';
import type { Desk } from './desk.ts';
import { readModel } from './read-model.ts';
import { sendProgress } from './send-progress.ts';

export const imageHandlers = {
  imageLoad: async ({ images }: Desk, { request, response }: ApiCall): Promise<void> => {
    sendJson(response, 200, { images: (await images.load(request)).flatMap(rowsOf) });
  },

  images: async ({ images }: Desk, { response }: ApiCall): Promise<void> => {
    sendJson(response, 200, { images: (await images.list()).flatMap(rowsOf) });
  },

  imagePull: async ({ images }: Desk, call: ApiCall): Promise<void> => {
    const reference = call.query.get('reference') ?? '';
    if (reference === '') throw new MinkeError('BAD_REQUEST', { reason: '"reference" is missing' });
    await sendProgress(call, async (tell) => {
      const step = { step: 'pull', subject: reference };
      tell({ ...step, state: 'begun' });
      const onProgress = (progress: FetchProgress): void => tell({ ...step, state: 'going', ...progress });
      const bring = isSet(call.query, 'missing') ? images.prepare : images.pull;
      const { id } = await bring(reference, { signal: call.gone, onProgress });
      tell({ ...step, state: 'ended' });
      return { images: [{ reference, id, sizeBytes: (await images.inspect(id))?.sizeBytes ?? 0 }] };
    });
  },

  build: async ({ images, builds, clock }: Desk, call: ApiCall): Promise<void> => {
    const { services = [], isFresh = false, ...up } = ((await readJson(call.request)) ?? {}) as BuildRequest;
    const model = (await readModel(call, up))?.model;
    if (model === undefined) return;
    const unknown = services.find((name) => !Object.hasOwn(model.services, name));
    if (unknown !== undefined) throw new MinkeError('TARGET_NOT_FOUND', { target: unknown, app: model.name });
    await sendProgress(call, async (tell) => {
      const options = { services, isFresh, onProgress: tell, signal: call.gone };
      const obtained = await obtainImages({ images, builds, clock }, model, options);
      const rows = [...obtained.values()].map(async ({ reference, id }) => ({
        reference,
        id,
        sizeBytes: (await images.inspect(id))?.sizeBytes ?? 0,
      }));
      return { images: await Promise.all(rows) };
    });
  },
};

/** A row for each name, as people look for names; an image without one has one row all the same. */
function rowsOf({ id, names, sizeBytes }: ImageSummary): { reference: string; id: string; sizeBytes: number }[] {
  return (names.length > 0 ? names : ['<none>']).map((reference) => ({ reference, id, sizeBytes }));
}
