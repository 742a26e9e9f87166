import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { kinshipOf, signalProcess, startTicks, type Kinship } from '../../linux/proc.ts';
import { processesIn } from './host/cgroups.ts';

/** In the environment of every command, with a value of its own: what it starts has it too, unless it takes care not to. */
export const commandMark = 'MINKE_COMMAND';

export interface RunningCommand {
  /** The cgroup of its instance. */
  readonly group: string;
  /** The runtime's process, which leads a session. */
  readonly pid: number;
  readonly mark: string;
}

/**
 * Kills a command with all that it started, and nothing else of its instance. The runtime goes last: while it is there, its
 * descendants are known. A process that left the command's session, lost its parent and has cleared its environment is not found;
 * it ends with the instance.
 */
export async function killCommand({ group, pid, mark }: RunningCommand): Promise<void> {
  const [kill, looks, betweenMs] = [9, 400, 5];
  const since = startTicks(pid) ?? 0;
  for (let look = 0; look < looks; look += 1) {
    const all = [pid, ...processesIn(group)].flatMap((one) => kinshipOf(one) ?? []);
    const kin = kinOf(pid, all);
    const others = all.filter((one) => !kin.includes(one) && since > 0 && one.ticks >= since);
    const found = [...kin, ...(await marked(others, mark))];
    if (found.length === 0) return;
    const below = found.filter((one) => one.pid !== pid);
    for (const one of below.length > 0 ? below : found) signalProcess(one.pid, one.ticks, kill);
    await delay(betweenMs);
  }
}

/** The process `root` and those that descend from it, or are in a session of one that does. Pure. */
export function kinOf(root: number, processes: readonly Kinship[]): readonly Kinship[] {
  const kin = new Set<Kinship>();
  const [pids, sessions] = [new Set([root]), new Set([root])];
  for (let before = -1; before < kin.size;) {
    before = kin.size;
    for (const one of processes) {
      if (!pids.has(one.pid) && !pids.has(one.parent) && !sessions.has(one.session)) continue;
      kin.add(one);
      pids.add(one.pid);
      sessions.add(one.session);
    }
  }
  return [...kin];
}

/** Kills the commands that run in a group for a daemon that has ended, with what has their mark. */
export async function killForgottenCommands(group: string): Promise<void> {
  const kill = 9;
  const all = processesIn(group).flatMap((pid) => kinshipOf(pid) ?? []);
  for (const one of await marked(all)) signalProcess(one.pid, one.ticks, kill);
}

/** Not in this thread: the environment of a process that fights for memory comes when that is over (proc(5)). */
async function marked(processes: readonly Kinship[], mark?: string): Promise<readonly Kinship[]> {
  const isMark = (line: string): boolean =>
    mark === undefined ? line.startsWith(`${commandMark}=`) : line === `${commandMark}=${mark}`;
  const looks = processes.map(async (one) => {
    const environment = await readFile(`/proc/${one.pid}/environ`, 'utf8').catch(() => '');
    return environment.split('\0').some(isMark) ? [one] : [];
  });
  return (await Promise.all(looks)).flat();
}
