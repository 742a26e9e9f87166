import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * When a process started, in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)), or undefined when there is no
 * such process. Pid and start time together name a process for good.
 */
export function startTicks(pid: number): number | undefined {
  const fields = statFields(pid);
  return fields === undefined || fields[0] === 'Z' ? undefined : Number(fields[19]);
}

/**
 * True from the moment on when the process begins to end, which is before any of its connections is closed: its flags (field 9)
 * have PF_EXITING (linux/sched.h). True also when it is gone.
 */
export function isExiting(pid: number): boolean {
  const exiting = 0x4;
  const fields = statFields(pid);
  return fields === undefined || (Number(fields[6]) & exiting) !== 0;
}

/** How a process belongs to others; undefined when it has ended. */
export interface Kinship extends ProcessName {
  readonly parent: number;
  readonly session: number;
}

export function kinshipOf(pid: number): Kinship | undefined {
  const fields = statFields(pid);
  if (fields === undefined || fields[0] === 'Z') return undefined;
  return { pid, ticks: Number(fields[19]), parent: Number(fields[1]), session: Number(fields[3]) };
}

/** Time on a processor that it has had, and that those of its children had who have ended, in ticks of 10 ms; 0 when it has ended. */
export function processorTicks(pid: number): number {
  const [user, system, childrenUser, childrenSystem] = (statFields(pid) ?? []).slice(11, 15).map(Number);
  return (user ?? 0) + (system ?? 0) + (childrenUser ?? 0) + (childrenSystem ?? 0);
}

/** From the third on, the state. */
function statFields(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces and parentheses itself.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch (error) {
    throwUnlessGone(error);
    return undefined;
  }
}

/** Nothing there is an answer; no descriptor left to look with is none, and must not be taken for it. */
export function throwUnlessGone(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ENOENT' && code !== 'ESRCH') throw error;
}

/** Sends a signal to exactly this process; false when it is gone (or its pid now is another's). */
export function signalProcess(pid: number, ticks: number, signal: number): boolean {
  if (startTicks(pid) !== ticks) return false;
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** A process, named for good. */
export interface ProcessName {
  readonly pid: number;
  readonly ticks: number;
}

/** Processes with the word in their command lines. Waits for every process that fights for memory: proc(5) reads from it. */
export function processesNaming(word: string): ProcessName[] {
  return readdirSync('/proc').flatMap((entry) => {
    const pid = Number(entry);
    if (!/^\d+$/.test(entry) || !isNaming(pid, word)) return [];
    const ticks = startTicks(pid);
    return ticks === undefined ? [] : [{ pid, ticks }];
  });
}

/** Whether a process has the word in its command line. */
export function isNaming(pid: number, word: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(word);
  } catch {
    return false; // it has ended meanwhile
  }
}

/** Remembers a process in a file, for whoever comes later. */
export function writePidFile(file: string, pid: number): void {
  writeFileSync(file, `${pid} ${startTicks(pid) ?? 0}`);
}

/** The process that a file remembers, if it still lives. */
export function readPidFile(file: string): ProcessName | undefined {
  try {
    const [pid = 0, ticks = 0] = readFileSync(file, 'utf8').trim().split(' ').map(Number);
    return startTicks(pid) === ticks ? { pid, ticks } : undefined;
  } catch (error) {
    throwUnlessGone(error);
    return undefined;
  }
}

/** Resolves with true when it is gone, with false when it still lives after `limitMs`. Somebody else's child tells no other way. */
export async function untilGone({ pid, ticks }: ProcessName, limitMs: number): Promise<boolean> {
  const lookEveryMs = 5;
  for (let waitedMs = 0; startTicks(pid) === ticks; waitedMs += lookEveryMs) {
    if (waitedMs >= limitMs) return false;
    await delay(lookEveryMs);
  }
  return true;
}

/** SIGTERM, two seconds, SIGKILL; resolves when it is gone. */
export async function endProcess(name: ProcessName): Promise<void> {
  const [terminate, kill, graceMs] = [15, 9, 2000];
  signalProcess(name.pid, name.ticks, terminate);
  if (await untilGone(name, graceMs)) return;
  signalProcess(name.pid, name.ticks, kill);
  await untilGone(name, graceMs);
}

/** A process and all that descends from it, as far as the parents in between live (CONFIG_PROC_CHILDREN; else itself alone). */
export function descendantsOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .split(' ')
      .filter((one) => one !== '');
    return [pid, ...children.map(Number).flatMap(descendantsOf)];
  } catch {
    return [pid];
  }
}
