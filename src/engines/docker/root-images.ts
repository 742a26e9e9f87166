import { text } from 'node:stream/consumers';
import { MinkeError } from '../../errors/index.ts';
import type { DockerClient } from './api/client.ts';
import type { InspectedContainer } from './api/types.ts';

export interface RootImage {
  /** The container that ended with the root, by its name. */
  readonly container: string;
  /** Of the image that is made of it, in a repository of ours. */
  readonly repository: string;
  readonly tag: string;
  /** An engine mounts no more than 125 layers over one another: one of so many is made one layer first. */
  readonly mostLayers: number;
}

/**
 * Makes an image of what a container has as its root. How a container of it is made is said whole by whoever makes one, so what
 * the engine writes into the image beside the layers is of no account.
 */
export async function makeRootImage(client: DockerClient, image: RootImage): Promise<void> {
  const { container, repository, tag, mostLayers } = image;
  if ((await layersOf(client, container)) >= mostLayers) return await makeOneLayer(client, image);
  // It does not run, and need not be paused.
  const query = { container, repo: repository, tag, pause: '0' };
  await client.call({ method: 'POST', path: '/commit', query, body: {} });
}

async function layersOf(client: DockerClient, container: string): Promise<number> {
  const { Image } = await client.call<InspectedContainer>({ method: 'GET', path: `/containers/${container}/json` });
  const found = await client.call<{ readonly RootFS: { readonly Layers?: readonly string[] } }>({
    method: 'GET',
    path: `/images/${Image}/json`,
  });
  return found.RootFS.Layers?.length ?? 0;
}

/** All files anew, those of the image too. */
async function makeOneLayer(client: DockerClient, { container, repository, tag }: RootImage): Promise<void> {
  const body = await client.open({ method: 'GET', path: `/containers/${container}/export` });
  const query = { fromSrc: '-', repo: repository, tag };
  const said = await text(await client.open({ method: 'POST', path: '/images/create', query, body }));
  // It answers 200 first and reads then.
  const failure = /"error":"(?<reason>[^"]*)"/.exec(said)?.groups?.['reason'];
  if (failure !== undefined) throw new MinkeError('IMAGE_INVALID', { image: `${repository}:${tag}`, reason: failure });
}
