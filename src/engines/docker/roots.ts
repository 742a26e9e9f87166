import { closeSync, constants, openSync } from 'node:fs';
import { MinkeError } from '../../errors/index.ts';
import type { Id } from '../../model/ids.ts';
import type { ReadyImage } from '../../model/instance.ts';
import type { Roots } from '../engine.ts';
import { createOf, endContainer, inspectContainer, removeContainer, startContainer } from './containers.ts';
import type { Context } from './context.ts';
import { waitingConfig } from './holder.ts';
import { rootContainerName } from './places.ts';
import { labels } from './record.ts';
import { volumeMounts } from './root-volumes.ts';

/** Roots that outlive their instances. The files of one are seen through a container that waits, which is the last that it was in. */
export function createRoots(context: Context): Roots {
  const { rootLives } = context;
  return {
    list: async () => rootLives.list(),
    open: async (id, image) => {
      const container = await openContainer(context, id, image);
      const close = async (): Promise<void> => await endContainer(context, container);
      const folder = await openRootOf(context, container).catch(async (error: unknown) => {
        await close();
        throw error;
      });
      return {
        path: `/proc/self/fd/${folder}`,
        close: async () => {
          closeSync(folder);
          await close();
        },
      };
    },
    changes: async (id) => await rootLives.changes(id),
    remove: async (id) => await rootLives.remove(id),
  };
}

/** One that was made for the same is started once more. */
async function openContainer(context: Context, root: Id, image: ReadyImage): Promise<string> {
  const { places, rootLives, images } = context;
  const last = rootLives.last(root);
  const spec = { name: root, image };
  if (last?.isOnlyOpen === true) {
    await startContainer(context, last.container, root);
    return last.container;
  }
  await using taken = new AsyncDisposableStack();
  const next = await rootLives.begin(root, image, await images.ensure(image));
  taken.defer(async () => await rootLives.abandon(next));
  const name = rootContainerName(places, root, next.number);
  taken.defer(async () => await removeContainer(context, name));
  const own = { [labels.owner]: places.owner, [labels.role]: 'root', ...next.labels };
  // In a file system that is not the root's, so that nothing is left of it there.
  const target = '/dev/minke-hold';
  const mounts = volumeMounts(places.owner, root, next.volumes, () => false);
  const waiting = { image: next.image, labels: own, target, mounts, readOnlyRoot: false };
  await createOf(context, spec, name, waitingConfig(context, waiting));
  await startContainer(context, name, root);
  taken.move();
  await rootLives.take(next, { container: name, isOnlyOpen: true });
  return name;
}

/** What is open stays so, whatever has its number later. */
async function openRootOf(context: Context, container: string): Promise<number> {
  const pid = (await inspectContainer(context, container))?.State.Pid ?? 0;
  if (pid === 0) throw new MinkeError('INSTANCE_START_FAILED', { name: 'a root', reason: 'it cannot be looked into' });
  return openSync(`/proc/${pid}/root`, constants.O_RDONLY | constants.O_DIRECTORY);
}
