import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import { cgroupLayout } from '../../linux/cgroup.ts';
import { isFull } from '../../linux/shortage.ts';
import { processesNaming, signalProcess, untilGone } from '../../linux/proc.ts';
import type { Id } from '../../model/ids.ts';
import type { InstanceSpec } from '../../model/instance.ts';
import { etcFiles } from '../local/etc-files.ts';
import { ociConfig } from './bundle.ts';
import { endGroup } from '../local/host/cgroups.ts';
import { findProgram } from '../local/host/program.ts';
import type { Context } from './context.ts';
import { makeOwnFiles } from '../local/own-files.ts';
import type { Places } from './places.ts';
import { removeCommand } from './runtime/commands.ts';
import { failureIn, firstProcess, forgetContainer, type KnownContainer } from './runtime/containers.ts';
import type { Seat } from '../local/seat.ts';
import { resolveUser } from '../local/users.ts';

/** Asked once: it reads all mounts of the host, and what it says does not change. */
const hasCgroupMount = cgroupLayout() === 'v2';

/**
 * Writes a bundle into `folder` that will be run from `home` (the two differ while it is being prepared aside), and mounts
 * the instance's own layer where it has one.
 */
export async function prepareBundle(
  context: Context,
  spec: InstanceSpec,
  seat: Seat,
  folder: string,
  home = folder,
): Promise<void> {
  const etc = etcFiles(spec, seat);
  const { image, settings } = spec;
  mkdirSync(folder);
  for (const [name, text] of Object.entries(etc)) writeFileSync(join(folder, name), text);
  const user = resolveUser(spec.user, image.rootPath, settings?.groups);
  const config = ociConfig(spec, {
    rootPath: spec.readOnlyRoot ? spec.image.rootPath : await mountLayer(context, spec, spec.image.rootPath),
    user,
    files: makeOwnFiles(spec.files ?? [], user, folder, home),
    cgroupPath: `${seat.group.path}/${spec.id}`,
    networkNamespace: seat.namespace,
    etcFiles: Object.fromEntries(Object.keys(etc).map((name) => [name, join(home, name)])),
    hasCgroupMount,
  });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
}

/** What the runtime said when it could not start a container, in its own words. */
export function startFailure({ runtime }: Context, name: string, home: string): MinkeError {
  const said = failureIn(home, runtime.name);
  // It may have had no room for its words either, and not all that it says of a full disk says so.
  const reason = isFull(home) ? `${said ?? 'the runtime'}: No space left on device` : said;
  return new MinkeError('INSTANCE_START_FAILED', { name, reason: reason ?? 'the runtime ended without a word' });
}

export const starterLost = (name: string): MinkeError => new MinkeError('STARTER_LOST', { name });

/**
 * Ends what a starter may have started before it was lost: the runtime and the shell above it name the instance in their
 * command lines, and their container may come to life after any moment at which none is found, so they end first.
 */
export async function endUnwatched(context: Context, id: Id, seat: Seat): Promise<void> {
  const kill = 9;
  const endAll = (): void => processesNaming(id).forEach(({ pid, ticks }) => void signalProcess(pid, ticks, kill));
  endAll();
  // One that the starter had just begun has no name before its exec.
  const namelessMs = 100;
  await context.clock.sleep(namelessMs);
  endAll();
  await removeContainer(context, { id, runtime: context.runtime.name });
  // Killed at the wrong moment, the runtime has written nothing of its container yet.
  await endGroup(`${seat.group.path}/${id}`);
}

/** Kills a container that nobody waits for, and removes what its runtime keeps of it. Idempotent. */
export async function removeContainer({ places, starter }: Context, container: KnownContainer): Promise<void> {
  const found = firstProcess(places.memory, container);
  const kill = 9;
  if (found !== undefined && signalProcess(found.pid, found.ticks, kill)) await untilGone(found, 2000);
  const { id, runtime: name } = container;
  const program = findProgram(name);
  if (program !== undefined)
    await starter.untilDone(async () => await starter.execute(removeCommand({ name, program }, places.memory, id)));
  // The runtime of an earlier life may not be here any more; and it does not know a container whose start was cut short.
  forgetContainer(places.memory, container);
}

/** Whose layer it is: an instance's own, or one that is kept. */
export type LayerOwner = Pick<InstanceSpec, 'id' | 'root'>;

/** Removes an instance's own layer, or lets go of the kept one. Idempotent. */
export async function dropLayer({ places, starter }: Pick<Context, 'places' | 'starter'>, owner: LayerOwner) {
  const layer = layerFolder(places, owner);
  await starter.untilDone(async () => await starter.unmount(join(layer, 'root')));
  if (owner.root === undefined) rmSync(layer, { recursive: true, force: true });
}

export const layerFolder = (places: Places, { id, root }: LayerOwner): string =>
  root === undefined ? join(places.writable, id) : join(places.roots, root);

/**
 * In the starter's mount namespace only: the container keeps it through its own, and nothing is left on the host when
 * either ends.
 */
export async function mountLayer(
  { places, starter }: Pick<Context, 'places' | 'starter'>,
  owner: LayerOwner,
  lower: string,
): Promise<string> {
  const layer = layerFolder(places, owner);
  const [upper, work, target] = [join(layer, 'upper'), join(layer, 'work'), join(layer, 'root')];
  for (const folder of [upper, work, target]) mkdirSync(folder, { recursive: true });
  await starter.overlay({ lower, upper, work, target });
  return target;
}
