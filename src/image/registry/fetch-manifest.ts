import { MinkeError, toMinkeError } from '../../errors/index.ts';
import { digestOf, type Digest } from '../layout/digest.ts';
import {
  architectureOf,
  isDescriptor,
  maxDocumentBytes,
  parseJson,
  parseManifest,
  type Descriptor,
  type Manifest,
} from '../layout/manifest.ts';
import { readAtMost } from './read-body.ts';
import type { Session } from './session.ts';

export interface FetchedManifest {
  readonly manifest: Manifest;
  readonly digest: Digest;
  /** Of the index that named it, or of itself: what the tag stands for. */
  readonly topDigest: Digest;
}

/** The manifest for this machine behind a tag or digest; indexes and manifest lists are followed, each digest checked. */
export async function fetchManifest(
  session: Session,
  reference: string,
  signal: AbortSignal | undefined,
): Promise<FetchedManifest> {
  const digest = reference.startsWith('sha256:') ? reference : undefined;
  let document = await fetchDocument(session, reference, digest, signal);
  const topDigest = document.digest;
  for (let depth = 0; isIndex(document.mediaType); depth += 1) {
    if (depth === maxIndexDepth) throw invalid(session, `its indexes lie more than ${maxIndexDepth} deep`);
    const chosen = chooseManifest(document.bytes, session);
    document = await fetchDocument(session, chosen.digest, chosen.digest, signal);
  }
  if (!manifestTypes.includes(document.mediaType)) throw unread(session, 'manifest', document.mediaType);
  const manifest = parseManifest(document.bytes, session.image);
  checkMediaTypes(manifest, session);
  return { manifest, digest: document.digest, topDigest };
}

/** A manifest, index or config: small, and checked against its digest where that is known. */
export async function fetchDocument(
  session: Session,
  reference: string,
  digest: Digest | undefined,
  signal: AbortSignal | undefined,
  kind: 'manifests' | 'blobs' = 'manifests',
): Promise<Document> {
  const accept = [...manifestTypes, ...indexTypes].join(', ');
  const answer = await session.get(`${kind}/${reference}`, kind === 'manifests' ? { accept } : {}, signal);
  const bytes = await readAtMost(answer.body, maxDocumentBytes).catch((cause: unknown) => {
    throw unreachable(session, cause, signal);
  });
  if (bytes === undefined) throw invalid(session, `its ${kind === 'blobs' ? 'config' : 'manifest'} is too large`);
  const found = digestOf(bytes);
  const promised = digest ?? headerDigest(answer.headers['docker-content-digest']);
  if (promised !== undefined && promised !== found) throw mismatch(session, promised, found);
  const mediaType = kind === 'blobs' ? '' : typeOf(bytes, answer.headers['content-type'], session);
  return { bytes, digest: found, mediaType };
}

export interface Document {
  readonly bytes: Buffer;
  readonly digest: Digest;
  readonly mediaType: string;
}

export function unreachable({ image, endpoint }: Session, cause: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  const { message } = toMinkeError(cause);
  const reason = cause instanceof MinkeError ? message : `the connection broke off: ${messageOf(cause)}`;
  return new MinkeError('REGISTRY_UNREACHABLE', { image, registry: endpoint.host, reason }, { cause });
}

/** Docker and OCI name the same things differently. */
const manifestTypes: readonly string[] = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const indexTypes: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const configTypes: readonly string[] = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];
const layerType =
  /^application\/vnd\.(oci\.image\.layer\.v1\.tar(\+gzip|\+zstd)?|docker\.image\.rootfs\.diff\.tar(\.gzip|\.zstd)?)$/;

/** An index of indexes is legal, and nobody makes one of more than two. */
const maxIndexDepth = 4;

const isIndex = (mediaType: string): boolean => indexTypes.includes(mediaType);

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

const headerDigest = (header: string | readonly string[] | undefined): Digest | undefined =>
  typeof header === 'string' && header !== '' ? header : undefined;

/** What it says of itself comes first: the header alone is not covered by the digest. */
function typeOf(bytes: Buffer, header: string | undefined, session: Session): string {
  const value = parseJson(bytes, session.image, 'manifest') as {
    mediaType?: unknown;
    layers?: unknown;
    manifests?: unknown;
  };
  if (value.layers !== undefined && value.manifests !== undefined)
    throw invalid(session, 'it is a manifest and an index at once');
  if (typeof value.mediaType === 'string') return value.mediaType;
  const named = header?.split(';')[0]?.trim() ?? '';
  return named === '' || named === 'application/json'
    ? ((value.manifests === undefined ? 'unknown' : indexTypes[0]) ?? '')
    : named;
}

/** Attestations, which build tools add, are for the platform `unknown`. */
function chooseManifest(bytes: Buffer, session: Session): Descriptor {
  const entries = (parseJson(bytes, session.image, 'index') as { manifests?: unknown }).manifests;
  if (!Array.isArray(entries) || !entries.every(isDescriptor)) throw invalid(session, 'its index lists no images');
  const architecture = architectureOf(process.arch);
  const found = entries.find(({ platform }) => platform?.os === 'linux' && platform.architecture === architecture);
  const chosen = found ?? entries.find(({ platform, mediaType }) => platform === undefined && isKnown(mediaType));
  if (chosen !== undefined) return chosen;
  const platforms = entries.flatMap(({ platform }) =>
    platform === undefined || platform.os === 'unknown' ? [] : [`${platform.os}/${platform.architecture}`],
  );
  throw new MinkeError('IMAGE_NOT_FOUND', {
    image: session.image,
    reason: `it is not made for linux/${architecture}, but for ${platforms.join(', ') || 'nothing'}`,
  });
}

const isKnown = (mediaType: string): boolean => manifestTypes.includes(mediaType) || isIndex(mediaType);

function checkMediaTypes({ config, layers }: Manifest, session: Session): void {
  if (!configTypes.includes(config.mediaType)) throw unread(session, 'config', config.mediaType);
  const other = layers.find(({ mediaType }) => !layerType.test(mediaType));
  if (other !== undefined) throw unread(session, 'layer', other.mediaType);
}

const invalid = ({ image }: Session, reason: string): MinkeError => new MinkeError('IMAGE_INVALID', { image, reason });

const unread = ({ image }: Session, part: string, mediaType: string): MinkeError =>
  new MinkeError('IMAGE_MEDIA_TYPE', { image, part, mediaType: mediaType.slice(0, 200) });

export const mismatch = ({ image }: Session, promised: Digest, found: Digest): MinkeError =>
  new MinkeError('IMAGE_DIGEST_MISMATCH', { image, digest: promised.slice(0, 100), found });
