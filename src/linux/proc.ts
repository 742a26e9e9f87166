import { readFileSync } from 'node:fs';

/**
 * When a process started, in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)), or undefined when there is no
 * such process. Pid and start time together name a process for good.
 */
export function startTicks(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : Number(fields[19]);
  } catch {
    return undefined;
  }
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
