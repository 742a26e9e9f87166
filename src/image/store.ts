import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MinkeError } from '../errors/index.ts';
import { nameShortage } from '../linux/shortage.ts';
import type { ImageConfig, ReadyImage } from '../model/instance.ts';
import type { Log } from '../observe/log.ts';
import { streamArchive } from './archive/save-archive.ts';
import { createFetching } from './fetching.ts';
import type { Digest } from './layout/digest.ts';
import type { ImageStep, ImageSummary } from './operations.ts';
import type { PackRequest } from './pack/request.ts';
import type { FetchOptions, ImageSource, Shelf } from './source.ts';
import type { Swept } from './sweep.ts';
import { createWorkerClient, type WorkerClient } from './worker-client.ts';

/**
 * All images of a daemon: an OCI layout with unpacked roots beside it. A reference is a name as Docker takes it, `name@digest`,
 * an image id, or 12 or more digits of one. The work is done in a thread of its own, one call after the other, so the
 * event loop never waits for a disk.
 */
export interface ImageStore {
  /**
   * The image with its root on disk: at once when it was prepared before; from a source where the layout has none, with the
   * errors of that source. IMAGE_NOT_FOUND when neither has it.
   */
  prepare(reference: string, options?: PrepareOptions): Promise<ReadyImage>;
  /** What the source has under this name now, whether there was one here before or not. Layers that are here do not come again. */
  pull(reference: string, options?: FetchOptions): Promise<ImageSummary>;
  /** A folder as an image. PACK_FAILED says what is wrong with the folder and what mends it. */
  pack(request: PackRequest): Promise<ReadyImage>;
  /** A `docker save` or OCI archive, perhaps gzip. IMAGE_INVALID when anything in it is not what it says. */
  load(archive: Readable): Promise<readonly ImageSummary[]>;
  /** An archive that every `docker load` from 20.10 on takes. `names`: what the image is called in it, instead of its own names. */
  save(reference: string, names?: readonly string[]): Promise<Readable>;
  /** A root file system (folder, or uncompressed tar file) as an image of one layer. */
  importRoot(reference: string, tarOrFolder: string, config?: Partial<ImageConfig>): Promise<ReadyImage>;
  list(): Promise<readonly ImageSummary[]>;
  inspect(reference: string): Promise<ImageSummary | undefined>;
  /** How it was made, the newest step first; undefined when there is no such image. */
  history(reference: string): Promise<readonly ImageStep[] | undefined>;
  /** Gives the image one more name, taking it from another if need be. */
  tag(reference: string, name: string): Promise<void>;
  /** Takes the name away, with the last name the image; its files stay till `sweep`. False when there was no such thing. */
  remove(reference: string): Promise<boolean>;
  /** Frees the disk of what has no name and is not in `keep`: ids of images that releases and living instances refer to. */
  sweep(keep: readonly string[]): Promise<Swept>;
  close(): Promise<void>;
}

export interface PrepareOptions extends FetchOptions {
  /** Only what is here already. */
  readonly isLocal?: boolean;
}

export interface ImageStoreOptions {
  /** Absolute; belongs to one process at a time. */
  readonly folder: string;
  /** The Node binary that packed images run. */
  readonly nodePath: string;
  readonly log: Log;
  /** Asked in this order for what the layout does not hold. */
  readonly sources?: readonly ImageSource[];
}

export function createImageStore(options: ImageStoreOptions): ImageStore {
  const { folder, nodePath, log, sources = [] } = options;
  const worker = createWorkerClient({ folder, nodePath });
  const fetching = createFetching(sources, createShelf(folder, worker));
  const prepared = new Map<string, ReadyImage>();
  /** Any change may move a name, so nothing prepared earlier is taken for granted after it. */
  const changing = async <T>(action: () => Promise<T>): Promise<T> => {
    try {
      return await action();
    } finally {
      prepared.clear();
    }
  };
  const pull = async (reference: string, fetchOptions: FetchOptions): Promise<Digest> => {
    const started = performance.now();
    const id = await fetching.fetch(reference, fetchOptions);
    if (!reference.includes('@')) await changing(() => worker.call('tag', id, reference));
    log.info('pulled', { image: reference, id, ms: Math.round(performance.now() - started) });
    return id;
  };
  return {
    prepare: async (reference, { isLocal = false, ...fetchOptions } = {}) => {
      const known = prepared.get(reference);
      if (known !== undefined) return known;
      const here = await worker.call('prepare', reference);
      if (here === undefined && isLocal)
        throw new MinkeError('IMAGE_NOT_FOUND', { image: reference, reason: 'it is not in the image store' });
      const found = here ?? (await worker.call('prepare', await pull(reference, fetchOptions), reference));
      if (found === undefined) throw new Error(`The image store lost ${reference}`);
      prepared.set(reference, found);
      return found;
    },
    pull: async (reference, fetchOptions = {}) => {
      const summary = await worker.call('inspect', await pull(reference, fetchOptions));
      if (summary === undefined) throw new Error(`The image store lost ${reference}`);
      return summary;
    },
    pack: async (request) => {
      const started = performance.now();
      const image = await changing(() => worker.call('pack', request));
      log.info('packed', { folder: request.folder, image: image.id, ms: Math.round(performance.now() - started) });
      return image;
    },
    load: (archive) => changing(() => loadStream(worker, folder, archive)),
    save: async (reference, names) => streamArchive(await worker.call('planSave', reference, names)),
    importRoot: (reference, path, config = {}) => changing(() => worker.call('importRoot', reference, path, config)),
    list: () => worker.call('list'),
    inspect: (reference) => worker.call('inspect', reference),
    history: (reference) => worker.call('history', reference),
    tag: (reference, name) => changing(() => worker.call('tag', reference, name)),
    remove: (reference) => changing(() => worker.call('remove', reference)),
    sweep: (keep) => changing(() => worker.call('sweep', keep)),
    close: () => worker.close(),
  };
}

/** The worker reads archives by position, so the stream goes to disk first. */
async function loadStream(worker: WorkerClient, folder: string, archive: Readable): Promise<readonly ImageSummary[]> {
  const path = await newTemporaryPath(folder);
  try {
    // The archive is a request's body, most of the time: destroying it would end the connection that is to say why.
    await pipeline(archive.iterator({ destroyOnReturn: false }), createWriteStream(path));
    return await worker.call('load', path);
  } catch (error) {
    throw nameShortage(error, { what: 'an image', action: 'read an image', folders: [folder] });
  } finally {
    await rm(path, { force: true });
  }
}

function createShelf(folder: string, worker: WorkerClient): Shelf {
  return {
    newPath: () => newTemporaryPath(folder),
    missingLayers: (diffIds) => worker.call('missingLayers', diffIds),
    addLayer: (layer) => worker.call('addLayer', layer),
    addImage: (image) => worker.call('addImage', image),
  };
}

/** Its name begins as that of all things under way does: what a killed daemon leaves there, the next one removes. */
async function newTemporaryPath(folder: string): Promise<string> {
  await mkdir(join(folder, 'tmp'), { recursive: true, mode: 0o700 });
  return join(folder, 'tmp', `${process.pid}-${crypto.randomUUID()}`);
}
