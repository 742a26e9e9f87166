import { fstatSync, readdirSync, readlinkSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { processesIn } from '../local/host/cgroups.ts';

/** Between two looks at an output that has been silent since the last one. */
const lookMs = 1000;

/**
 * Ends `output` when no process of the instance can write into its pipe any more, though it runs on. The pipe itself never tells:
 * the runtime's own process holds it open as long as its container lives. Found silent, empty and unheld twice in a row, since a
 * descriptor may be on its way from one process to another.
 */
export function watchClosedOutput(output: Readable & { readonly bytesRead?: number }, fd: number, group: string): void {
  const pipe = `pipe:[${fstatSync(fd).ino}]`;
  let seenBytes = -1;
  let unheld = 0;
  const look = (): void => {
    const isSilent = output.bytesRead === seenBytes && output.readableLength === 0;
    seenBytes = output.bytesRead ?? 0;
    unheld = isSilent && !isHeld(pipe, group) ? unheld + 1 : 0;
    if (unheld < 2) return;
    clearInterval(timer);
    output.push(null);
  };
  const timer = setInterval(look, lookMs).unref();
  output.once('close', () => clearInterval(timer));
  output.once('end', () => clearInterval(timer));
}

/** Also where nothing lives in the group: then its end is on its way. */
function isHeld(pipe: string, group: string): boolean {
  const pids = processesIn(group);
  return pids.length === 0 || pids.some((pid) => holds(pid, pipe));
}

function holds(pid: number, pipe: string): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((name) => linkOf(`${folder}/${name}`) === pipe);
  } catch {
    return true; // It is on its way out, and says no more.
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
