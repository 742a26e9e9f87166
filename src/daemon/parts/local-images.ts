import type { Images, LocalImage } from '../../dockerapi/containers.ts';
import type { ImageSummary } from '../../image/operations.ts';
import type { ImageStore } from '../../image/store.ts';
import type { ContainerStore } from '../../store/store.ts';
import type { Catalog } from './catalog.ts';
import type { Instances } from './instances.ts';

/** The Docker API's view of the image store. */
export function createLocalImages(
  images: ImageStore,
  catalog: Catalog,
  instances: Instances,
  containers: Pick<ContainerStore, 'list'>,
): Images {
  const used = async (): Promise<ReadonlySet<string>> =>
    new Set([
      ...catalog.list().flatMap((deployed) => [...deployed.images.values()].map(({ id }) => id)),
      ...instances.list().map(({ spec }) => spec.imageId),
      ...(await containers.list()).map(({ image }) => image.id),
    ]);
  return {
    find: async (reference) => {
      const found = await images.inspect(reference);
      return found === undefined ? undefined : toLocal(found);
    },
    list: async () => (await images.list()).map(toLocal),
    pull: async (reference, options) => toLocal(await images.pull(reference, options)),
    load: async (archive) => (await images.load(archive)).map(toLocal),
    save: async (reference) => await images.save(reference),
    history: async (reference) => (await images.history(reference)) ?? [],
    tag: async (reference, name) => await images.tag(reference, name),
    remove: async (reference) => void (await images.remove(reference)),
    used,
    sweep: async () => await images.sweep([...(await used())]),
  };
}

const toLocal = ({ id, names, createdAt, sizeBytes, config, layers }: ImageSummary): LocalImage => ({
  id,
  references: names,
  createdAt,
  sizeBytes,
  config,
  layers,
});
