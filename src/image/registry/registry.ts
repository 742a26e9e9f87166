import { rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import { nameShortage, roomIn } from '../../linux/shortage.ts';
import { inParallel } from './in-parallel.ts';
import { checkImageShape, parseConfigFile, type Descriptor } from '../layout/manifest.ts';
import { parseReference, type Reference } from '../layout/reference.ts';
import type { Digest } from '../layout/digest.ts';
import type { FetchOptions, ImageSource, Shelf } from '../source.ts';
import { readCredentials } from './credentials.ts';
import { download } from './download.ts';
import { endpointOf } from './endpoint.ts';
import { fetchDocument, fetchManifest } from './fetch-manifest.ts';
import { createSession, type Session } from './session.ts';

export interface RegistryOptions {
  /** Logins (DOCKER_CONFIG, HOME) and proxies (HTTPS_PROXY, NO_PROXY) are looked for here. */
  readonly env: NodeJS.ProcessEnv;
  /** A connection on which nothing comes for so long is broken. */
  readonly silenceMs?: number;
  /** Waited before each further attempt of one request; as many as there are. */
  readonly retryDelaysMs?: readonly number[];
}

/**
 * Registries as a source of images (OCI distribution specification 1.1; manifests of OCI and of Docker, schema 2): the one
 * that the image's name tells. Everything is checked against its digest.
 */
export function createRegistrySource(options: RegistryOptions): ImageSource {
  const { env, silenceMs = 30_000, retryDelaysMs = [250, 1000, 3000] } = options;
  return {
    name: 'its registry',
    fetch: async (reference, shelf, fetchOptions) => {
      // An id names what is in a store; no registry knows it.
      if (/^(sha256:)?[0-9a-f]{64}$/.test(reference)) return undefined;
      const parsed = parseReference(reference);
      const endpoint = endpointOf(parsed);
      // With it comes TLS, which a daemon that pulls nothing never needs.
      const { createHttp } = await import('./http.ts');
      const http = createHttp(endpoint, reference, { env, silenceMs });
      const credentials = fetchOptions.credentials ?? readCredentials(endpoint.host, env, reference);
      const repository = parsed.path;
      const session = createSession({ endpoint, repository, image: reference, http, credentials, retryDelaysMs });
      try {
        return await pull(session, parsed, shelf, { ...fetchOptions, retryDelaysMs });
      } finally {
        http.close();
      }
    },
  };
}

type PullOptions = FetchOptions & { readonly retryDelaysMs: readonly number[] };

async function pull(session: Session, { tag, digest }: Reference, shelf: Shelf, options: PullOptions): Promise<Digest> {
  const { image } = session;
  const fetched = await fetchManifest(session, digest ?? tag ?? 'latest', options.signal);
  const { config, layers } = fetched.manifest;
  const { bytes } = await fetchDocument(session, config.digest, config.digest, options.signal, 'blobs');
  const { diff_ids: diffIds } = parseConfigFile(bytes, image).rootfs;
  checkImageShape(layers, diffIds, image);
  await addLayers(session, layers, diffIds, shelf, options);
  return await shelf.addImage({ configBytes: bytes, diffIds, sourceDigests: [fetched.topDigest, fetched.digest] });
}

/** Layers at a time, as Docker does it. */
const parallelLayers = 3;

async function addLayers(
  session: Session,
  layers: readonly Descriptor[],
  diffIds: readonly Digest[],
  shelf: Shelf,
  options: PullOptions,
): Promise<void> {
  const missing = new Set(await shelf.missingLayers(diffIds));
  const wanted = diffIds.flatMap((diffId, index) => {
    const layer = layers[index];
    return layer !== undefined && missing.delete(diffId) ? [{ layer, diffId }] : [];
  });
  const totalBytes = wanted.reduce((sum, { layer }) => sum + layer.size, 0);
  await checkSpace(totalBytes, shelf, session.image);
  const onBytes = createCount(totalBytes, options.onProgress);
  await inParallel(wanted, parallelLayers, options.signal, async ({ layer, diffId }, signal) => {
    const path = await shelf.newPath();
    try {
      await download(session, layer, path, { signal, onBytes, retryDelaysMs: options.retryDelaysMs });
      await shelf.addLayer({ image: session.image, path, digest: layer.digest, diffId });
    } catch (error) {
      throw nameShortage(error, { what: `"${session.image}"`, action: 'pull an image', folders: [dirname(path)] });
    } finally {
      await rm(path, { force: true });
    }
  });
}

/** Tells of each hundredth once, since whoever listens may be slow. */
function createCount(totalBytes: number, onProgress: FetchOptions['onProgress']): (count: number) => void {
  let [doneBytes, told] = [0, -1];
  return (count) => {
    doneBytes += count;
    const hundredths = Math.floor((100 * doneBytes) / Math.max(1, totalBytes));
    if (hundredths === told) return;
    told = hundredths;
    onProgress?.({ doneBytes, totalBytes });
  };
}

/** What cannot fit is better not begun. Uncompressed it needs more still, which nobody knows before. */
async function checkSpace(neededBytes: number, shelf: Shelf, image: string): Promise<void> {
  const folder = dirname(await shelf.newPath());
  const { bavail, bsize } = await statfs(folder);
  if (neededBytes > bavail * bsize) throw new MinkeError('OUT_OF_DISK', { what: `"${image}"`, ...roomIn(folder) });
}
