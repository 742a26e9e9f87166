import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isId, type Id } from '../../model/ids.ts';
import { killForgottenCommands } from '../local/command-processes.ts';
import { endGroup, groupsIn } from '../local/host/cgroups.ts';
import { retakeSeat } from '../local/seat.ts';
import type { ListedContainer } from './api/types.ts';
import { endContainer, inspectContainer, listContainers, removeContainer } from './containers.ts';
import type { Context } from './context.ts';
import { groupOf } from './group.ts';
import { withKeptLimits } from './limits.ts';
import { containerName } from './places.ts';
import { labels, readRecord, type InstanceRecord } from './record.ts';
import { observe, type Running } from './running.ts';

/**
 * What an earlier life of the daemon left: lasting instances are adopted (also those that ended meanwhile, so that their end is
 * told once); everything else that carries our name is ended and removed.
 */
export async function recoverInstances(context: Context): Promise<Running[]> {
  const { places, exits } = context;
  const found = await listContainers(context);
  const records = found.flatMap((container) => adoptable(context, container) ?? []);
  const known = new Set(records.map(({ summary }) => summary.id));
  const untold = records.filter(({ summary }) => exits.read(summary.id) === undefined);
  const living = new Set(untold.map(({ summary }) => summary.id));
  const instanceOf = (one: ListedContainer): Id | undefined => adoptable(context, one)?.summary.id;
  const withRoots = context.rootLives.recover(found, instanceOf);
  await Promise.all(
    found.map(async (one) => {
      const isHolder = one.Labels[labels.role] === 'holder' && living.has(one.Labels[labels.instance] ?? '');
      if (isHolder || instanceOf(one) !== undefined) return;
      if (withRoots.has(one.Id)) await endContainer(context, one.Id);
      else await removeContainer(context, one.Id);
    }),
  );
  await context.rootVolumes.recover(new Set(context.rootLives.list()));
  const alone = join(places.cgroup, 'alone');
  const groups = groupsIn(alone).filter((path) => dirname(path) === alone && !living.has(basename(path)));
  for (const path of groups) await endGroup(path);
  for (const id of exits.list()) if (!known.has(id)) exits.forget(id);
  for (const id of foldersIn(places.live)) {
    if (!living.has(id)) rmSync(join(places.live, id), { recursive: true, force: true });
  }
  await context.images.removeBut((await listContainers(context)).map(({ Image }) => Image));
  return (await Promise.all(untold.map(async (record) => await adopt(context, record)))).flatMap((one) => one ?? []);
}

/** One that was never started is half a start. */
function adoptable({ places }: Context, container: ListedContainer): InstanceRecord | undefined {
  const record = readRecord(container);
  if (record?.streams !== 'logs' || container.State === 'created') return undefined;
  // One that is kept for its root alone has another name by now.
  return container.Names.includes(`/${containerName(places, record.summary.id)}`) ? record : undefined;
}

async function adopt(context: Context, known: InstanceRecord): Promise<Running | undefined> {
  const home = join(context.places.live, known.summary.id);
  const record = withKeptLimits(known, home);
  const name = containerName(context.places, record.summary.id);
  const over = context.ends.of(name);
  const found = await inspectContainer(context, name);
  if (found === undefined) return undefined;
  if (found.State.Pid > 0) await endCommands(found.State.Pid);
  const seat = await retakeSeat(context, record, home);
  const running = observe(context, { record, seat, found, over });
  await context.ends.check(name);
  return running;
}

/** They were the daemon's, and nobody waits for them. */
async function endCommands(pid: number): Promise<void> {
  try {
    await killForgottenCommands(groupOf(pid));
  } catch {
    // It ended meanwhile, and they with it.
  }
}

const foldersIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).filter(isId) : []);
