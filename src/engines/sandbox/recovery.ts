import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isNaming, processesNaming } from '../../linux/proc.ts';
import { isId, type Id } from '../../model/ids.ts';
import type { Running } from './brief.ts';
import { endGroup, groupsIn, isOthers } from '../local/host/cgroups.ts';
import type { Context } from './context.ts';
import { observe } from './lasting.ts';
import { layerFolder, removeContainer } from './prepare.ts';
import { containerOf, readRecord, type InstanceRecord } from './record.ts';
import { firstProcess, knownContainers } from './runtime/containers.ts';
import { retakeSeat } from '../local/seat.ts';

/**
 * What an earlier life of the daemon left: lasting instances are adopted (also those that ended meanwhile, so that their
 * end is told once); everything else that carries our name is ended and removed.
 */
export async function recoverInstances(context: Context): Promise<Running[]> {
  const { places } = context;
  const records = namesIn(places.live).flatMap((id) => readRecord(join(places.live, id)) ?? []);
  const known = new Set(records.map((record) => record.summary.id));
  for (const orphan of knownContainers(places.memory).filter(({ id }) => !known.has(id))) {
    context.log.info('Removing an orphan of an earlier life', { instance: orphan.id });
    await removeContainer(context, orphan);
  }
  const isOrphan = (path: string): boolean => isId(basename(path)) && !known.has(basename(path)) && !isOthers(path);
  const groups = groupsIn(places.cgroup).filter(isOrphan);
  for (const path of groups) await endGroup(path);
  for (const id of namesIn(places.brief)) rmSync(join(places.brief, id), { recursive: true, force: true });
  for (const id of namesIn(places.writable).filter((one) => !known.has(one))) {
    rmSync(layerFolder(places, { id }), { recursive: true, force: true });
  }
  // Output of what a reboot ended: nobody will ever ask for it by its exit.
  for (const id of namesIn(places.logs).filter((one) => !known.has(one) && context.exits.read(one) === undefined)) {
    rmSync(join(places.logs, id), { recursive: true, force: true });
  }
  for (const entry of readdirSync(places.live)) {
    if (!known.has(entry)) rmSync(join(places.live, entry), { recursive: true, force: true });
  }
  return await Promise.all(records.map(async (record) => await adopt(context, record)));
}

async function adopt(context: Context, record: InstanceRecord): Promise<Running> {
  const { id } = record.summary;
  const home = join(context.places.live, id);
  const isOver = firstProcess(context.places.memory, containerOf(record)) === undefined && !hasKeeper(home, id);
  // Nobody is left to write its exit code or to close its FIFOs: say so, and the log writer finishes its record.
  if (isOver && !existsSync(join(home, 'exit')) && !existsSync(join(context.places.ended, id))) {
    context.log.warn('An instance ended unseen and its exit code is lost', { instance: id, name: record.summary.name });
    await removeContainer(context, containerOf(record));
    writeFileSync(join(context.places.ended, id), '');
  }
  return observe(context, record, await retakeSeat(context, record, home), { isAdopted: true });
}

/**
 * The shell that waits for the runtime: it names the instance in its command line. Only the one that can be it is asked, since
 * the command line of a process that fights for memory comes when that is over. Where its file is missing it may just have
 * been started.
 */
function hasKeeper(home: string, id: Id): boolean {
  const file = join(home, 'keeper');
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  return pid > 0 ? isNaming(pid, id) : processesNaming(id).length > 0;
}

function namesIn(folder: string): Id[] {
  return existsSync(folder) ? readdirSync(folder).filter(isId) : [];
}
