import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import { defaultLimits, type ImageLimits } from '../tar/limits.ts';
import { openBlobs, type Blobs } from './blobs.ts';
import type { Digest } from './digest.ts';
import {
  mediaTypes,
  parseConfigFile,
  parseJson,
  parseManifest,
  type ConfigFile,
  type Descriptor,
  type Manifest,
} from './manifest.ts';
import { fullName, parseReference } from './reference.ts';
import { openTemporary, type Temporary } from './temporary.ts';

/**
 * An OCI image layout: `blobs/sha256`, `index.json`, `oci-layout`. Its layers are uncompressed tar, so that a layer's
 * digest is its diffID. One process writes it, one call at a time (the worker of the image store sees to that).
 *
 * A name that moves to another image leaves the old one in the index without a name: releases name images by id.
 */
export interface Layout {
  readonly folder: string;
  readonly blobs: Blobs;
  readonly temporary: Temporary;
  readonly limits: ImageLimits;
  list(): readonly StoredImage[];
  /** By name, `name@digest`, image id, or the first 12 or more digits of an id. */
  resolve(reference: string): StoredImage | undefined;
  /** Adds an image whose blobs are there already. */
  add(image: NewImage): StoredImage;
  /** Gives the image another name, taking it from whichever image has it. */
  tag(id: Digest, name: string): void;
  /** Takes one name away, or with an id the image itself; false when there is no such thing. Blobs stay until they are swept. */
  remove(reference: string): boolean;
  /** Drops an image and all its names from the index. */
  forget(id: Digest): void;
}

export interface StoredImage {
  /** Digest of the config. */
  readonly id: Digest;
  readonly manifestDigest: Digest;
  /** Digests under which its sources know it: of their manifests, whose layers were compressed, and of indexes. */
  readonly sourceDigests: readonly Digest[];
  /** Full names, sorted. */
  readonly names: readonly string[];
  readonly manifest: Manifest;
  readonly config: ConfigFile;
}

export interface NewImage {
  readonly configBytes: Uint8Array;
  /** Uncompressed layers in order, the lowest first. */
  readonly layers: readonly { readonly digest: Digest; readonly size: number }[];
  /** Any spelling; none leaves it to be found by id. */
  readonly names: readonly string[];
  readonly sourceDigests?: readonly Digest[];
}

export function openLayout(folder: string, limits = defaultLimits): Layout {
  // Images bring setuid programs along; nobody else on this machine gets at them.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const temporary = openTemporary(join(folder, 'tmp'));
  const blobs = openBlobs(join(folder, 'blobs', 'sha256'), temporary);
  const index = openIndex(folder, temporary);
  const images = new Map<Digest, Omit<StoredImage, 'names' | 'sourceDigests'>>();
  const read = (digest: Digest): Omit<StoredImage, 'names' | 'sourceDigests'> => {
    const known = images.get(digest) ?? readImage(blobs, digest);
    images.set(digest, known);
    return known;
  };
  const toImage = ({ digest, names, sourceDigests }: IndexedImage): StoredImage => {
    return { ...read(digest), names, sourceDigests };
  };
  const list = (): readonly StoredImage[] => groupByManifest(index.read()).map(toImage);
  return {
    folder,
    blobs,
    temporary,
    limits,
    list,
    resolve: (reference) => findImage(list(), reference),
    add: (image) => {
      const manifest = storeManifest(blobs, image);
      const names = image.names.map((name) => fullName(parseReference(name)));
      index.write(withNames(index.read(), manifest, names, image.sourceDigests ?? []));
      const stored = list().find(({ manifestDigest }) => manifestDigest === manifest.digest);
      if (stored === undefined) throw new Error(`The index lost ${manifest.digest}`);
      return stored;
    },
    tag: (id, name) => {
      const image = list().find((one) => one.id === id);
      const entry = index.read().find(({ digest }) => digest === image?.manifestDigest);
      if (entry === undefined)
        throw new MinkeError('IMAGE_NOT_FOUND', { image: id, reason: 'it is not in the layout' });
      index.write(withNames(index.read(), { ...entry, annotations: {} }, [fullName(parseReference(name))], []));
    },
    remove: (reference) => {
      const image = findImage(list(), reference);
      if (image === undefined) return false;
      index.write(without(index.read(), image, reference));
      return true;
    },
    forget: (id) => {
      const gone = new Set(
        list()
          .filter((image) => image.id === id)
          .map((image) => image.manifestDigest),
      );
      index.write(index.read().filter(({ digest }) => !gone.has(digest)));
    },
  };
}

/** The annotations that containerd and Docker read when they load a layout. */
const nameKey = 'io.containerd.image.name';
const tagKey = 'org.opencontainers.image.ref.name';
const sourceKey = 'minke.source.digest';

const nameOf = (entry: Descriptor): string | undefined => entry.annotations?.[nameKey];
const sourcesOf = (entry: Descriptor): readonly Digest[] => entry.annotations?.[sourceKey]?.split(' ') ?? [];

interface Index {
  read(): readonly Descriptor[];
  write(entries: readonly Descriptor[]): void;
}

function openIndex(folder: string, temporary: Temporary): Index {
  const path = join(folder, 'index.json');
  const replace = (target: string, text: string): void => {
    const made = temporary.newPath();
    const file = openSync(made, 'wx', 0o644);
    writeSync(file, text);
    fsyncSync(file);
    closeSync(file);
    renameSync(made, target);
  };
  const write = (manifests: readonly Descriptor[]): void => {
    replace(path, JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests }, undefined, 2));
  };
  if (!existsSync(path)) write([]);
  if (!existsSync(join(folder, 'oci-layout'))) replace(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return {
    read: () => (parseJson(readFileSync(path), path, 'index') as { manifests?: readonly Descriptor[] }).manifests ?? [],
    write,
  };
}

function storeManifest(blobs: Blobs, image: NewImage): Descriptor {
  const config = blobs.put(image.configBytes);
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, ...config },
    layers: image.layers.map(({ digest, size }) => ({ mediaType: mediaTypes.layer, digest, size })),
  };
  return { mediaType: mediaTypes.manifest, ...blobs.put(Buffer.from(JSON.stringify(manifest))) };
}

function readImage(blobs: Blobs, digest: Digest): Omit<StoredImage, 'names' | 'sourceDigests'> {
  const manifest = parseManifest(blobs.read(digest), digest);
  const config = parseConfigFile(blobs.read(manifest.config.digest), digest);
  return { id: manifest.config.digest, manifestDigest: digest, manifest, config };
}

type IndexedImage = Pick<StoredImage, 'names' | 'sourceDigests'> & { readonly digest: Digest };

function groupByManifest(entries: readonly Descriptor[]): readonly IndexedImage[] {
  const digests = [...new Set(entries.map(({ digest }) => digest))];
  return digests.map((digest) => {
    const own = entries.filter((entry) => entry.digest === digest);
    const names = own.flatMap((entry) => nameOf(entry) ?? []).toSorted();
    return { digest, names, sourceDigests: [...new Set(own.flatMap(sourcesOf))] };
  });
}

/** The image with these names added; whoever had them keeps its place without them. */
function withNames(
  entries: readonly Descriptor[],
  image: Descriptor,
  names: readonly string[],
  sources: readonly Digest[],
): readonly Descriptor[] {
  const known = entries.filter(({ digest }) => digest === image.digest).flatMap(sourcesOf);
  const all = [...new Set([...known, ...sources])];
  const freed = entries.map((entry) => (names.includes(nameOf(entry) ?? '') ? nameless(entry) : entry));
  const added = (names.length === 0 ? [undefined] : names).map((name) => named(image, name, all));
  return tidy([...freed, ...added]);
}

/** One entry per image and name; an entry without a name only for images that have none. */
function tidy(entries: readonly Descriptor[]): readonly Descriptor[] {
  const withName = new Set(entries.filter((entry) => nameOf(entry) !== undefined).map(({ digest }) => digest));
  const unique = new Map(entries.map((entry) => [`${entry.digest} ${nameOf(entry) ?? ''}`, entry]));
  return [...unique.values()].filter((entry) => nameOf(entry) !== undefined || !withName.has(entry.digest));
}

function without(entries: readonly Descriptor[], image: StoredImage, reference: string): readonly Descriptor[] {
  const name = nameAsked(reference);
  const isOneOfMany = name !== undefined && image.names.includes(name) && image.names.length > 1;
  return entries.filter((entry) => entry.digest !== image.manifestDigest || (isOneOfMany && nameOf(entry) !== name));
}

const nameless = (entry: Descriptor): Descriptor => named(entry, undefined, sourcesOf(entry));

function named(
  { mediaType, digest, size }: Descriptor,
  name: string | undefined,
  sources: readonly Digest[],
): Descriptor {
  const tag = name?.slice(name.lastIndexOf(':') + 1);
  const annotations = {
    ...(name === undefined || tag === undefined ? {} : { [nameKey]: name, [tagKey]: tag }),
    ...(sources.length === 0 ? {} : { [sourceKey]: sources.join(' ') }),
  };
  return { mediaType, digest, size, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) };
}

function nameAsked(reference: string): string | undefined {
  return /^(sha256:)?[0-9a-f]{64}$/.test(reference) ? undefined : fullName(parseReference(reference));
}

/** Names win over ids, as in Docker. */
function findImage(images: readonly StoredImage[], text: string): StoredImage | undefined {
  const name = nameAsked(text);
  const named = name === undefined ? undefined : findByName(images, text, name);
  if (named !== undefined) return named;
  const digits = /^(?:sha256:)?([0-9a-f]{12,64})$/.exec(text)?.[1];
  if (digits === undefined) return undefined;
  const found = images.filter(({ id }) => id.startsWith(`sha256:${digits}`));
  return found.length === 1 || digits.length === 64 ? found[0] : undefined;
}

function findByName(images: readonly StoredImage[], text: string, name: string): StoredImage | undefined {
  const { digest } = parseReference(text);
  if (digest === undefined) return images.find(({ names }) => names.includes(name));
  // A digest says it all; the name before it only says where to ask.
  return images.find((image) => image.manifestDigest === digest || image.sourceDigests.includes(digest));
}
