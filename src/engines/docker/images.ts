import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { MinkeError } from '../../errors/index.ts';
import type { ReadyImage } from '../../model/instance.ts';
import { isRefusal, type DockerClient } from './api/client.ts';

/** Images of minke's own in the Docker Engine: under a name of ours each, so that nobody else's is taken or removed. */
export interface Images {
  /** Of all our names. */
  readonly repository: string;
  /** The name by which the engine has it, once it has. Loaded when it is missing. */
  ensure(image: ReadyImage): Promise<string>;
  /** Loaded again by the next `ensure`: somebody has removed it. */
  forget(image: ReadyImage): void;
  /** Takes away a name of ours; of one that is not there is success. */
  remove(name: string): Promise<void>;
  /** Takes away our names but these, and with its last name each image. */
  removeBut(kept: readonly string[]): Promise<void>;
}

export interface ImagesOptions {
  readonly client: DockerClient;
  readonly owner: string;
  /** An archive that `docker load` takes, in which the image has this name and no other. */
  readonly archiveOf: (image: ReadyImage, name: string) => Promise<Readable>;
}

export function createImages({ client, owner, archiveOf }: ImagesOptions): Images {
  const repository = `minke-${owner}`;
  const loaded = new Map<string, Promise<void>>();

  const load = async (image: ReadyImage, name: string): Promise<void> => {
    if (await hasImage(client, name)) return;
    const body = await archiveOf(image, name);
    const said = await text(await client.open({ method: 'POST', path: '/images/load', query: { quiet: '1' }, body }));
    // It answers 200 first and reads then.
    if (await hasImage(client, name)) return;
    throw new MinkeError('IMAGE_INVALID', { image: image.reference, reason: `the Docker Engine said ${said.trim()}` });
  };

  return {
    repository,
    ensure: async (image) => {
      const name = `${repository}:${image.id.replace('sha256:', '')}`;
      const loading = loaded.get(image.id) ?? load(image, name);
      loaded.set(image.id, loading);
      await loading.catch((error: unknown) => {
        loaded.delete(image.id);
        throw error;
      });
      return name;
    },
    forget: ({ id }) => void loaded.delete(id),
    remove: async (name) => await removeImage(client, name),
    removeBut: async (kept) => {
      const filters = JSON.stringify({ reference: [repository] });
      const found = await client.call<readonly { readonly RepoTags: readonly string[] | null }[]>({
        method: 'GET',
        path: '/images/json',
        query: { filters },
      });
      const names = found.flatMap(({ RepoTags }) => RepoTags ?? []).filter((name) => name.startsWith(`${repository}:`));
      for (const name of names.filter((one) => !kept.includes(one))) await removeImage(client, name);
      loaded.clear();
    },
  };
}

async function hasImage(client: DockerClient, name: string): Promise<boolean> {
  try {
    await client.call({ method: 'GET', path: `/images/${name}/json` });
    return true;
  } catch (error) {
    if (isRefusal(error, 404)) return false;
    throw error;
  }
}

/** One that a container of somebody else's uses (409) stays till the next time. */
async function removeImage(client: DockerClient, name: string): Promise<void> {
  try {
    await client.call({ method: 'DELETE', path: `/images/${name}` });
  } catch (error) {
    if (!isRefusal(error, 404, 409)) throw error;
  }
}
