import { closeSync, constants, existsSync, openSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import { isId, type Id } from '../../model/ids.ts';
import type { Roots } from '../engine.ts';
import type { Context } from './context.ts';
import { changesIn } from './layer-changes.ts';
import { dropLayer, layerFolder, mountLayer } from './prepare.ts';

/** Layers that outlive their instances. Mounted only while somebody looks into one, and only where the starter sees it. */
export function createRoots(context: Pick<Context, 'places' | 'starter'>): Roots {
  const { places, starter } = context;
  const ownerOf = (root: Id) => ({ id: root, root });
  return {
    list: async () => (existsSync(places.roots) ? readdirSync(places.roots).filter(isId) : []),
    open: async (id, image) => {
      const target = await mountLayer(context, ownerOf(id), image.rootPath);
      const folder = await openIn(starter, target).catch(async (error: unknown) => {
        await dropLayer(context, ownerOf(id));
        throw error;
      });
      return {
        path: `/proc/self/fd/${folder}`,
        close: async () => {
          closeSync(folder);
          await dropLayer(context, ownerOf(id));
        },
      };
    },
    changes: async (id, image) => await changesIn(join(layerFolder(places, ownerOf(id)), 'upper'), image.rootPath, '/'),
    remove: async (id) => {
      await dropLayer(context, ownerOf(id));
      await rm(layerFolder(places, ownerOf(id)), { recursive: true, force: true });
    },
  };
}

/** Through the starter's root: its mounts are nobody else's. What is open stays so when the starter is lost. */
async function openIn({ pid }: Context['starter'], folder: string): Promise<number> {
  if (pid === undefined) throw new MinkeError('STARTER_LOST', { name: 'a root' });
  return openSync(`/proc/${pid}/root${folder}`, constants.O_RDONLY | constants.O_DIRECTORY);
}
