import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { digestOf } from '../../src/image/layout/digest.ts';
import { configOf } from '../../src/image/testing/images.ts';

/** A blob or manifest as others refer to it. */
export interface Pushed {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export const types = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

/** Puts things into a registry as they are, so that a test can put in what no client would. */
export interface Pusher {
  blob(bytes: Buffer, mediaType: string): Promise<Pushed>;
  manifest(reference: string, body: object, mediaType: string): Promise<Pushed>;
  /** An OCI image of these layers: uncompressed content, and how each is sent. */
  image(reference: string, layers: readonly PushedLayer[], config?: object): Promise<Pushed>;
}

export interface PushedLayer {
  readonly plain: Buffer;
  readonly sent?: Buffer;
  readonly mediaType?: string;
}

export function createPusher(host: string, repository: string, headers: Record<string, string> = {}): Pusher {
  const put = async (path: string, body: Buffer, contentType: string): Promise<void> => {
    const answer = await send(
      'PUT',
      new URL(path, `http://${host}`),
      { ...headers, 'content-type': contentType },
      body,
    );
    if (answer.status !== 201) throw new Error(`PUT ${path}: ${answer.status} ${answer.text}`);
  };
  const blob: Pusher['blob'] = async (bytes, mediaType) => {
    const begun = await send('POST', new URL(`/v2/${repository}/blobs/uploads/`, `http://${host}`), headers);
    if (begun.status !== 202) throw new Error(`POST: ${begun.status} ${begun.text}`);
    const place = new URL(begun.location, `http://${host}`);
    place.searchParams.set('digest', digestOf(bytes));
    await put(place.href, bytes, 'application/octet-stream');
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const manifest: Pusher['manifest'] = async (reference, body, mediaType) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...body }));
    await put(`/v2/${repository}/manifests/${reference || digestOf(bytes)}`, bytes, mediaType);
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  return {
    blob,
    manifest,
    image: async (reference, layers, settings = {}) => {
      const config = await blob(
        configOf(
          layers.map(({ plain }) => digestOf(plain)),
          settings,
        ),
        types.ociConfig,
      );
      const pushed: Pushed[] = [];
      for (const { plain, sent = plain, mediaType = types.ociLayer } of layers)
        pushed.push(await blob(sent, mediaType));
      return await manifest(reference, { config, layers: pushed }, types.ociManifest);
    },
  };
}

async function send(method: string, url: URL, headers: Record<string, string>, body?: Buffer) {
  const outgoing = request(url, { method, headers: { ...headers, 'content-length': body?.length ?? 0 } });
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  const text = Buffer.concat(await answer.toArray()).toString();
  return { status: answer.statusCode ?? 0, location: answer.headers.location ?? '', text };
}
