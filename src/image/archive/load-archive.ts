import { posix } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import { digestOf, hexOf, type Digest } from '../layout/digest.ts';
import type { Layout, StoredImage } from '../layout/layout.ts';
import {
  architectureOf,
  checkImageShape,
  isDescriptor,
  parseConfigFile,
  parseJson,
  parseManifest,
  type ConfigFile,
  type Descriptor,
} from '../layout/manifest.ts';
import type { StoredLayer } from '../layout/store-layer.ts';
import { withArchive, type ArchiveFile } from './archive-file.ts';

/**
 * Takes the images of a `docker save` archive (any version) or an OCI archive into the layout. Every digest is checked: of
 * manifest, config and layer as they come, and of each layer's uncompressed content against the config.
 */
export async function loadArchive(layout: Layout, path: string): Promise<readonly StoredImage[]> {
  return withArchive(layout, path, async (archive) => {
    if (archive.has('manifest.json')) return loadDocker(layout, archive);
    if (archive.has('index.json')) return loadOci(layout, archive);
    throw invalid('archive', 'it has neither manifest.json nor index.json: it is no image archive');
  });
}

interface DockerImage {
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers: readonly string[];
}

async function loadDocker(layout: Layout, archive: ArchiveFile): Promise<readonly StoredImage[]> {
  const images = parseJson(archive.read('manifest.json'), 'archive', 'manifest');
  if (!Array.isArray(images) || !images.every(isDockerImage))
    throw invalid('archive', 'its manifest.json lists no images');
  const loaded: StoredImage[] = [];
  for (const image of images) {
    const configBytes = archive.read(image.Config);
    checkNamedByDigest(image.Config, configBytes);
    const label = image.RepoTags?.[0] ?? image.Config;
    const layers = await storeLayers(archive, image.Layers, parseConfigFile(configBytes, label), label);
    loaded.push(layout.add({ configBytes, layers, names: image.RepoTags ?? [] }));
  }
  return loaded;
}

async function loadOci(layout: Layout, archive: ArchiveFile): Promise<readonly StoredImage[]> {
  const loaded: StoredImage[] = [];
  for (const descriptor of manifestsIn(archive, archive.read('index.json'))) {
    const label = namesOf(descriptor)[0] ?? descriptor.digest;
    const manifest = parseManifest(readChecked(archive, descriptor, label), label);
    const configBytes = readChecked(archive, manifest.config, label);
    const paths = manifest.layers.map(({ digest }) => blobPath(digest));
    const digests = manifest.layers.map(({ digest }) => digest);
    const layers = await storeLayers(archive, paths, parseConfigFile(configBytes, label), label, digests);
    loaded.push(layout.add({ configBytes, layers, names: namesOf(descriptor), sourceDigests: [descriptor.digest] }));
  }
  return loaded;
}

const isDockerImage = (value: unknown): value is DockerImage => {
  if (typeof value !== 'object' || value === null) return false;
  const { Config, Layers } = value as Partial<DockerImage>;
  return typeof Config === 'string' && Array.isArray(Layers) && Layers.every((layer) => typeof layer === 'string');
};

/** Config and layers are named by their digests in every version of `docker save`. */
function checkNamedByDigest(name: string, bytes: Buffer): void {
  const hex = /^([0-9a-f]{64})(\.json)?$/.exec(posix.basename(name))?.[1];
  if (hex !== undefined && digestOf(bytes) !== `sha256:${hex}`)
    throw invalid('archive', `the content of "${name}" does not match its digest`);
}

async function storeLayers(
  archive: ArchiveFile,
  paths: readonly string[],
  config: ConfigFile,
  label: string,
  sourceDigests?: readonly Digest[],
): Promise<readonly StoredLayer[]> {
  const diffIds = config.rootfs.diff_ids;
  checkImageShape(paths, diffIds, label);
  const layers: StoredLayer[] = [];
  for (const [index, path] of paths.entries()) {
    const layer = await archive.storeLayer(path, (stored) => {
      checkDigest(stored.digest, diffIds[index], label);
      checkDigest(stored.sourceDigest, sourceDigests?.[index] ?? stored.sourceDigest, label);
    });
    layers.push(layer);
  }
  return layers;
}

function checkDigest(found: Digest, expected: Digest | undefined, label: string): void {
  if (found !== expected) throw invalid(label, `the content of its layer ${expected} does not match its digest`);
}

/** Manifests for this machine, in the order of the index; indexes inside it are opened. */
function manifestsIn(archive: ArchiveFile, bytes: Buffer, depth = 0): readonly Descriptor[] {
  const entries = (parseJson(bytes, 'archive', 'index') as { manifests?: unknown }).manifests;
  if (!Array.isArray(entries) || !entries.every(isDescriptor) || depth > 4)
    throw invalid('archive', 'its index lists no images');
  return entries.filter(isForThisMachine).flatMap((entry) => {
    if (!/image\.index|manifest\.list/.test(entry.mediaType)) return [entry];
    const inner = manifestsIn(archive, readChecked(archive, entry, entry.digest), depth + 1);
    return inner.map((one) => withAnnotations(one, { ...entry.annotations, ...one.annotations }));
  });
}

const withAnnotations = (entry: Descriptor, annotations: Readonly<Record<string, string>>): Descriptor => ({
  ...entry,
  annotations,
});

/** Attestations, which build tools add, are for the platform `unknown`. */
function isForThisMachine({ platform }: Descriptor): boolean {
  return platform === undefined || (platform.os === 'linux' && platform.architecture === architectureOf(process.arch));
}

function readChecked(archive: ArchiveFile, { digest }: Descriptor, label: string): Buffer {
  const bytes = archive.read(blobPath(digest));
  if (digestOf(bytes) !== digest) throw invalid(label, `the content of ${digest} does not match its digest`);
  return bytes;
}

/** containerd's full name, or the OCI reference where that is more than a tag. */
function namesOf({ annotations = {} }: Descriptor): readonly string[] {
  const full = annotations['io.containerd.image.name'];
  const reference = annotations['org.opencontainers.image.ref.name'];
  if (full !== undefined) return [full];
  return reference !== undefined && /[:/]/.test(reference) ? [reference] : [];
}

const blobPath = (digest: Digest): string => `blobs/sha256/${hexOf(digest)}`;

const invalid = (image: string, reason: string): MinkeError => new MinkeError('IMAGE_INVALID', { image, reason });
