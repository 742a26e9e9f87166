import type { Id } from '../../model/ids.ts';
import type { ReadyImage } from '../../model/instance.ts';
import { isRefusal } from './api/client.ts';
import type { Context } from './context.ts';
import { containerName } from './places.ts';
import { labels } from './record.ts';

/**
 * The volumes that an image declares (its VOLUME), of containers with a kept root: what is in them would else go with each
 * container, and is to be there as the rest of the root is.
 */
export interface RootVolumes {
  /** Their names, by where they are in a container of the root. The engine makes them with the first. */
  of(root: Id, image: ReadyImage): Readonly<Record<string, string>>;
  /** No container has the root any more. Idempotent. */
  remove(root: Id): Promise<void>;
  /** Of an earlier daemon: those of other roots than these are removed. */
  recover(roots: ReadonlySet<Id>): Promise<void>;
}

interface ListedVolume {
  readonly Name: string;
  readonly Labels: Readonly<Record<string, string>> | null;
}

export function createRootVolumes({ client, places }: Pick<Context, 'client' | 'places'>): RootVolumes {
  const made = new Map<Id, readonly string[]>();

  const removeVolume = async (name: string): Promise<void> => {
    try {
      await client.call({ method: 'DELETE', path: `/volumes/${name}` });
    } catch (error) {
      // Somebody else's container has it: the next daemon tries again.
      if (!isRefusal(error, 404, 409)) throw error;
    }
  };

  return {
    of: (root, { config: { volumes } }) => {
      const targets = volumes.toSorted();
      const names = targets.map((_, index) => `${containerName(places, root)}-volume-${index}`);
      if (names.length > 0) made.set(root, names);
      return Object.fromEntries(targets.map((target, index) => [target, names[index] ?? '']));
    },
    remove: async (root) => {
      for (const name of made.get(root) ?? []) await removeVolume(name);
      made.delete(root);
    },
    recover: async (roots) => {
      const filters = JSON.stringify({ label: [`${labels.owner}=${places.owner}`] });
      const { Volumes } = await client.call<{ readonly Volumes: readonly ListedVolume[] | null }>({
        method: 'GET',
        path: '/volumes',
        query: { filters },
      });
      for (const { Name, Labels } of Volumes ?? []) {
        const root = Labels?.[labels.root] ?? '';
        if (!Name.startsWith(`${containerName(places, root)}-volume-`)) continue;
        if (roots.has(root)) made.set(root, [...(made.get(root) ?? []), Name]);
        else await removeVolume(Name);
      }
    },
  };
}

/** As the engine is to mount them, but where something else is. */
export function volumeMounts(
  owner: string,
  root: Id,
  volumes: Readonly<Record<string, string>>,
  isTaken: (target: string) => boolean,
): readonly object[] {
  return Object.entries(volumes)
    .filter(([target]) => !isTaken(target))
    .map(([Target, Source]) => ({
      Type: 'volume',
      Source,
      Target,
      VolumeOptions: { Labels: { [labels.owner]: owner, [labels.root]: root } },
    }));
}
