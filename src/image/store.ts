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
import type { ImageSummary } from './operations.ts';
import type { PackRequest } from './pack/request.ts';
import type { ImageSource } from './source.ts';
import type { Swept } from './sweep.ts';
import { createWorkerClient, type WorkerClient } from './worker-client.ts';

/**
 * All images of a daemon: an OCI layout with unpacked roots beside it. A reference is a name as Docker takes it, `name@digest`,
 * an image id, or 12 or more digits of one. The work is done in a thread of its own, one call after the other, so the
 * event loop never waits for a disk.
 */
export interface ImageStore {
  /** The image with its root on disk: at once when it was prepared before. IMAGE_NOT_FOUND when neither the layout nor a source has it. */
  prepare(reference: string, signal?: AbortSignal): Promise<ReadyImage>;
  /** A folder as an image. PACK_FAILED says what is wrong with the folder and what mends it. */
  pack(request: PackRequest): Promise<ReadyImage>;
  /** A `docker save` or OCI archive, perhaps gzip. IMAGE_INVALID when anything in it is not what it says. */
  load(archive: Readable): Promise<readonly ImageSummary[]>;
  /** An archive that every `docker load` from 20.10 on takes. */
  save(reference: string): Promise<Readable>;
  /** A root file system (folder, or uncompressed tar file) as an image of one layer. */
  importRoot(reference: string, tarOrFolder: string, config?: Partial<ImageConfig>): Promise<ReadyImage>;
  list(): Promise<readonly ImageSummary[]>;
  inspect(reference: string): Promise<ImageSummary | undefined>;
  /** Gives the image one more name, taking it from another if need be. */
  tag(reference: string, name: string): Promise<void>;
  /** Takes the name away, with the last name the image; its files stay till `sweep`. False when there was no such thing. */
  remove(reference: string): Promise<boolean>;
  /** Frees the disk of what has no name and is not in `keep`: ids of images that releases and living instances refer to. */
  sweep(keep: readonly string[]): Promise<Swept>;
  close(): Promise<void>;
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
  const prepared = new Map<string, ReadyImage>();
  /** Any change may move a name, so nothing prepared earlier is taken for granted after it. */
  const changing = async <T>(action: () => Promise<T>): Promise<T> => {
    try {
      return await action();
    } finally {
      prepared.clear();
    }
  };
  const load = async (archive: Readable): Promise<readonly ImageSummary[]> =>
    changing(() => loadStream(worker, folder, archive));
  return {
    prepare: async (reference, signal) => {
      const known = prepared.get(reference);
      if (known !== undefined) return known;
      const found =
        (await worker.call('prepare', reference)) ?? (await fetchFrom(sources, reference, load, worker, signal));
      if (found === undefined) throw notFound(reference, sources);
      prepared.set(reference, found);
      return found;
    },
    pack: async (request) => {
      const started = performance.now();
      const image = await changing(() => worker.call('pack', request));
      log.info('packed', { folder: request.folder, image: image.id, ms: Math.round(performance.now() - started) });
      return image;
    },
    load,
    save: async (reference) => streamArchive(await worker.call('planSave', reference)),
    importRoot: (reference, path, config = {}) => changing(() => worker.call('importRoot', reference, path, config)),
    list: () => worker.call('list'),
    inspect: (reference) => worker.call('inspect', reference),
    tag: (reference, name) => changing(() => worker.call('tag', reference, name)),
    remove: (reference) => changing(() => worker.call('remove', reference)),
    sweep: (keep) => changing(() => worker.call('sweep', keep)),
    close: () => worker.close(),
  };
}

/** The worker reads archives by position, so the stream goes to disk first. */
async function loadStream(worker: WorkerClient, folder: string, archive: Readable): Promise<readonly ImageSummary[]> {
  const path = join(folder, 'tmp', `${process.pid}-${crypto.randomUUID()}`);
  try {
    await mkdir(join(folder, 'tmp'), { recursive: true });
    await pipeline(archive, createWriteStream(path));
    return await worker.call('load', path);
  } catch (error) {
    throw nameShortage(error, { what: 'an image', action: 'read an image', folders: [folder] });
  } finally {
    await rm(path, { force: true });
  }
}

type Load = (archive: Readable) => Promise<readonly ImageSummary[]>;

async function fetchFrom(
  sources: readonly ImageSource[],
  reference: string,
  load: Load,
  worker: WorkerClient,
  signal?: AbortSignal,
): Promise<ReadyImage | undefined> {
  for (const source of sources) {
    const archive = await source.open(reference, signal);
    if (archive === undefined) continue;
    const [image] = await load(archive);
    if (image === undefined)
      throw new MinkeError('IMAGE_INVALID', {
        image: reference,
        reason: `${source.name} sent an archive without an image`,
      });
    if (!reference.includes('@')) await worker.call('tag', image.id, reference);
    return worker.call('prepare', reference.includes('@') ? image.id : reference);
  }
  return undefined;
}

function notFound(image: string, sources: readonly ImageSource[]): MinkeError {
  const asked = sources.map(({ name }) => name).join(' nor ');
  return new MinkeError('IMAGE_NOT_FOUND', {
    image,
    reason: asked === '' ? 'it is not in the image store' : `neither the image store nor ${asked} has it`,
  });
}
