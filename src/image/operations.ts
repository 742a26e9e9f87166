import { statSync } from 'node:fs';
import { MinkeError } from '../errors/index.ts';
import type { ImageConfig, ReadyImage } from '../model/instance.ts';
import { importRoot } from './archive/import-root.ts';
import { loadArchive } from './archive/load-archive.ts';
import { planArchive, type ArchivePart } from './archive/save-archive.ts';
import type { Digest } from './layout/digest.ts';
import { openLayout, type Layout, type StoredImage } from './layout/layout.ts';
import { toImageConfig, type HistoryStep } from './layout/manifest.ts';
import { shortName } from './layout/reference.ts';
import { storeLayer } from './layout/store-layer.ts';
import { packFolder } from './pack/pack.ts';
import type { PackRequest } from './pack/request.ts';
import type { FetchedImage, FetchedLayer } from './source.ts';
import { sweep, type Swept } from './sweep.ts';
import { prepareRoot } from './unpack/root.ts';

/** An image as lists show it. */
export interface ImageSummary {
  readonly id: string;
  /** Short names (`busybox:latest`), sorted; none for an image that another took the name from. */
  readonly names: readonly string[];
  /** `sha256:...` of its manifest in the layout. */
  readonly digest: string;
  /** Bytes of its layers, uncompressed. */
  readonly sizeBytes: number;
  /** Unix milliseconds; 0 for what minke packed. */
  readonly createdAt: number;
  readonly os: string;
  readonly architecture: string;
  readonly layers: readonly string[];
  readonly config: ImageConfig;
}

/** One step of how an image was made, as its config tells it. */
export interface ImageStep {
  /** Unix milliseconds; 0 = not said. */
  readonly createdAt: number;
  readonly command: string;
  readonly comment: string;
  /** Bytes of the layer that it made, uncompressed; 0 where it made none. */
  readonly sizeBytes: number;
}

/**
 * What the image store's worker does, one call after the other: file by file and synchronous, since that is the quickest
 * there is, and nobody else waits in its thread.
 */
export interface Operations {
  /** Undefined when the layout has no such image. */
  prepare(reference: string, calledAs?: string): ReadyImage | undefined;
  /** Those of the layers that are not in the layout. */
  missingLayers(diffIds: readonly Digest[]): readonly Digest[];
  addLayer(layer: FetchedLayer): Promise<void>;
  /** Answers its id. */
  addImage(image: FetchedImage): Digest;
  pack(request: PackRequest): ReadyImage;
  load(archivePath: string): Promise<readonly ImageSummary[]>;
  planSave(reference: string, names?: readonly string[]): readonly ArchivePart[];
  importRoot(reference: string, path: string, config: Partial<ImageConfig>): ReadyImage;
  list(): readonly ImageSummary[];
  inspect(reference: string): ImageSummary | undefined;
  /** The newest first; undefined when the layout has no such image. */
  history(reference: string): readonly ImageStep[] | undefined;
  tag(reference: string, name: string): void;
  remove(reference: string): boolean;
  sweep(keep: readonly string[]): Swept;
}

export function createOperations(folder: string, nodePath: string): Operations {
  const layout = openLayout(folder);
  const ready = (image: StoredImage, reference: string): ReadyImage => prepareRoot(layout, image, reference);
  const wanted = (reference: string): StoredImage => layout.resolve(reference) ?? notFound(reference);
  return {
    prepare: (reference, calledAs = reference) => {
      const image = layout.resolve(reference);
      return image === undefined ? undefined : ready(image, calledAs);
    },
    missingLayers: (diffIds) => diffIds.filter((digest) => !layout.blobs.has(digest)),
    addLayer: (layer) => addLayer(layout, layer),
    addImage: (image) => addImage(layout, image),
    pack: (request) => ready(packFolder(layout, request, nodePath), request.reference),
    load: async (archivePath) => (await loadArchive(layout, archivePath)).map((image) => summarise(image)),
    planSave: (reference, names) => planSave(layout, wanted(reference), reference, names),
    importRoot: (reference, path, config) => ready(importRoot(layout, reference, path, config), reference),
    list: () => layout.list().map((image) => summarise(image)),
    inspect: (reference) => {
      const image = layout.resolve(reference);
      return image === undefined ? undefined : summarise(image);
    },
    history: (reference) => {
      const image = layout.resolve(reference);
      return image === undefined ? undefined : stepsOf(image);
    },
    tag: (reference, name) => layout.tag(wanted(reference).id, name),
    remove: (reference) => layout.remove(reference),
    sweep: (keep) => sweep(layout, keep),
  };
}

async function addLayer(layout: Layout, { image, path, digest, diffId }: FetchedLayer): Promise<void> {
  const part = { path, offset: 0, size: statSync(path).size };
  await storeLayer(layout, part, { image, label: `its layer ${digest}` }, (stored) => {
    if (stored.sourceDigest !== digest)
      throw new MinkeError('IMAGE_DIGEST_MISMATCH', { image, digest, found: stored.sourceDigest });
    if (stored.digest !== diffId)
      throw new MinkeError('IMAGE_DIGEST_MISMATCH', { image, digest: diffId, found: stored.digest });
  });
}

function addImage(layout: Layout, { configBytes, diffIds, sourceDigests }: FetchedImage): Digest {
  const layers = diffIds.map((digest) => ({ digest, size: layout.blobs.sizeOf(digest) }));
  return layout.add({ configBytes, layers, names: [], sourceDigests }).id;
}

function notFound(image: string): never {
  throw new MinkeError('IMAGE_NOT_FOUND', { image, reason: 'it is not in the layout' });
}

/** Saved by name, an image carries that name; saved by id, all it has. */
function planSave(
  layout: Layout,
  image: StoredImage,
  reference: string,
  names?: readonly string[],
): readonly ArchivePart[] {
  if (names !== undefined) return planArchive(layout.blobs, image, names);
  const asked = image.names.filter((name) => shortName(name) === reference || name === reference);
  return planArchive(layout.blobs, image, asked.length > 0 ? asked : image.names);
}

function stepsOf({ config, manifest }: StoredImage): readonly ImageStep[] {
  const layers = [...manifest.layers];
  const steps = (config.history ?? layers.map((): HistoryStep => ({}))).map((step): ImageStep => {
    const createdAt = Date.parse(textOf(step.created));
    return {
      createdAt: Number.isNaN(createdAt) ? 0 : createdAt,
      command: textOf(step.created_by),
      comment: textOf(step.comment),
      sizeBytes: step.empty_layer === true ? 0 : (layers.shift()?.size ?? 0),
    };
  });
  return steps.toReversed();
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function summarise(image: StoredImage): ImageSummary {
  const { config, manifest } = image;
  const createdAt = Date.parse(config.created ?? '');
  return {
    id: image.id,
    names: image.names.map(shortName),
    digest: image.manifestDigest,
    sizeBytes: manifest.layers.reduce((sum, { size }) => sum + size, 0),
    createdAt: Number.isNaN(createdAt) ? 0 : createdAt,
    os: config.os,
    architecture: config.architecture,
    layers: config.rootfs.diff_ids,
    config: toImageConfig(config),
  };
}
