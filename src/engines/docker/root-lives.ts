import type { Id } from '../../model/ids.ts';
import type { ReadyImage } from '../../model/instance.ts';
import type { RootChange } from '../engine.ts';
import type { ListedContainer } from './api/types.ts';
import { removeContainer, renameContainer } from './containers.ts';
import type { Context } from './context.ts';
import { rootContainerName } from './places.ts';
import { labels, rootOf } from './record.ts';
import { addChanges, type EngineChange } from './root-changes.ts';
import { createRootHistory } from './root-history.ts';
import { makeRootImage } from './root-images.ts';
import { createRootIndex, type RootLife } from './root-index.ts';

/**
 * Which containers of the engine a kept root was in. The last of them has it: it is not removed when it has ended, and the next is
 * of an image that is made of it.
 *
 *   nobody's  --begin, take-->  an instance's  --release-->  nobody's  --begin, take-->  the next instance's
 *
 * One that is not the last goes when nobody wants its output any more, and its image with it.
 */
export interface RootLives {
  /** Roots that there are. */
  list(): readonly Id[];
  last(root: Id): RootLife | undefined;
  /** What the next container of a root is to be made of, over its image, which the engine has by the name `loaded`. One that is not taken is abandoned. */
  begin(root: Id, image: ReadyImage, loaded: string): Promise<NextLife>;
  abandon(next: NextLife): Promise<void>;
  /** Its container runs, and has the root from now on. */
  take(next: NextLife, container: Pick<RootLife, 'container' | 'instance' | 'isOnlyOpen'>): Promise<void>;
  /** Nobody wants the output of an instance any more. False where it had no root, and its container is the caller's to remove. */
  release(instance: Id): Promise<boolean>;
  changes(root: Id): Promise<readonly RootChange[]>;
  /** Containers with output that somebody may want stay till they are released. Idempotent. */
  remove(root: Id): Promise<void>;
  /** Of an earlier daemon. Answers the containers, by their ids in the engine, that must stay since they are the last. */
  recover(found: readonly ListedContainer[], instanceOf: (one: ListedContainer) => Id | undefined): ReadonlySet<string>;
}

export interface NextLife extends Pick<RootLife, 'root' | 'number'> {
  readonly image: string;
  readonly isFirst: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Names of the volumes that its image declares, by where they are in the container. */
  readonly volumes: Readonly<Record<string, string>>;
}

/** The engine mounts 125; a few are for whoever makes images of these. */
const defaultMostLayers = 100;

export function createRootLives(
  context: Pick<Context, 'client' | 'places' | 'images' | 'rootVolumes' | 'clock' | 'log'>,
  mostLayers = defaultMostLayers,
): RootLives {
  const { client, places, images, rootVolumes, clock, log } = context;
  const lives = createRootIndex();
  const history = createRootHistory(places.roots);

  const drop = async (life: RootLife): Promise<void> => {
    await removeContainer(context, life.container);
    if (life.image !== undefined) await images.remove(life.image);
    history.forget(nameOf(life));
    lives.replace(life);
    await removeVolumes(life.root);
  };

  /** With the last container that has them. */
  const removeVolumes = async (root: Id): Promise<void> => {
    if (lives.of(root).length === 0) await rootVolumes.remove(root);
  };

  const changesOf = async (life: RootLife): Promise<readonly RootChange[]> => {
    const path = `/containers/${life.container}/changes`;
    const found = await client.call<readonly EngineChange[] | undefined>({ method: 'GET', path });
    return addChanges(history.read(nameOf(life)), found ?? []);
  };

  const succeed = async (before: RootLife, next: Omit<NextLife, 'image' | 'isFirst'>): Promise<NextLife> => {
    const [repository, tag] = [images.repository, nameOf(next)];
    const life = { ...next, image: `${repository}:${tag}`, isFirst: false };
    history.keep(tag, await changesOf(before));
    try {
      await makeRootImage(client, { container: before.container, repository, tag, mostLayers });
    } catch (error) {
      await abandon(life).catch(() => undefined);
      throw error;
    }
    return life;
  };

  const abandon = async (next: NextLife): Promise<void> => {
    if (!next.isFirst) await images.remove(next.image);
    history.forget(nameOf(next));
    await removeVolumes(next.root);
  };

  return {
    list: () => [...new Set(lives.all().flatMap(({ root, isRemoved }) => (isRemoved === true ? [] : [root])))],
    last: lives.last,
    begin: async (root, image, loaded) => {
      const before = lives.last(root);
      const number = Math.max(clock.now(), (before?.number ?? 0) + 1);
      const own = { [labels.root]: root, [labels.rootLife]: String(number) };
      const next = { root, number, labels: own, volumes: rootVolumes.of(root, image) };
      return before === undefined ? { ...next, image: loaded, isFirst: true } : await succeed(before, next);
    },
    abandon,
    take: async ({ root, number, image, isFirst }, container) => {
      const before = lives.last(root);
      lives.add({ root, number, ...container, ...(isFirst ? {} : { image }) });
      if (before === undefined || before.instance !== undefined) return;
      await drop(before).catch((error: unknown) => log.warn('cannot remove what had a root', { root, error }));
    },
    release: async (instance) => {
      const life = lives.ofInstance(instance);
      if (life === undefined) return false;
      if (life !== lives.last(life.root)) await drop(life);
      else {
        const { instance: _, ...rest } = life;
        const nobodys = { ...rest, container: rootContainerName(places, life.root, life.number) };
        await renameContainer(context, life.container, nobodys.container);
        lives.replace(life, nobodys);
      }
      return true;
    },
    changes: async (root) => {
      const life = lives.last(root);
      return life === undefined ? [] : await changesOf(life);
    },
    remove: async (root) => {
      for (const life of lives.of(root)) {
        if (life.instance === undefined) await drop(life);
        else lives.replace(life, { ...life, isRemoved: true });
      }
    },
    recover: (found, instanceOf) => {
      for (const one of found) {
        const life = lifeOf(one, images.repository);
        const instance = instanceOf(one);
        if (life !== undefined) lives.add({ ...life, ...(instance === undefined ? {} : { instance }) });
      }
      const stays = (life: RootLife): boolean => life.instance !== undefined || life === lives.last(life.root);
      for (const life of lives.all().filter((one) => !stays(one))) lives.replace(life);
      history.forgetBut(new Set(lives.all().map(nameOf)));
      const names = new Set(lives.all().map(({ container }) => `/${container}`));
      return new Set(found.filter(({ Names }) => Names.some((name) => names.has(name))).map(({ Id }) => Id));
    },
  };
}

const nameOf = ({ root, number }: Pick<RootLife, 'root' | 'number'>): string => `${root}-${number}`;

/** One that was never started is half a start. */
function lifeOf(container: ListedContainer, repository: string): RootLife | undefined {
  const { State, Names, Image } = container;
  const found = rootOf(container);
  const [name] = Names;
  if (found === undefined || name === undefined || State === 'created') return undefined;
  return {
    ...found,
    container: name.slice(1),
    ...(Image === `${repository}:${nameOf(found)}` ? { image: Image } : {}),
  };
}
