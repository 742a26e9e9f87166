import type { ImageSummary } from '../../image/operations.ts';
import { sendJson, type ApiCall } from './call.ts';
import type { Desk } from './desk.ts';

export const imageHandlers = {
  imageLoad: async ({ images }: Desk, { request, response }: ApiCall): Promise<void> => {
    sendJson(response, 200, { images: (await images.load(request)).flatMap(rowsOf) });
  },

  images: async ({ images }: Desk, { response }: ApiCall): Promise<void> => {
    sendJson(response, 200, { images: (await images.list()).flatMap(rowsOf) });
  },
};

/** A row for each name, as people look for names; an image without one has one row all the same. */
function rowsOf({ id, names, sizeBytes }: ImageSummary): object[] {
  return (names.length > 0 ? names : ['<none>']).map((reference) => ({ reference, id, sizeBytes }));
}
