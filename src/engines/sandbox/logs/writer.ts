import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { closeInheritedOnExec } from '../../../linux/process.ts';
import { tryLock } from '../../../linux/lock.ts';
import { readPidFile, writePidFile } from '../../../linux/proc.ts';
import { fullName } from './frame.ts';
import type { InstanceLimits } from '../../../model/instance.ts';
import { openRecording, type Recording } from './recording.ts';

/**
 * The log writer: reads the FIFOs of every instance and records them. A process and a session of its own: it outlives the
 * daemon, so that no line is lost when that is killed, and finds its work by looking into folders, so that nobody has to
 * tell it anything. Arguments: live folder, ended folder, logs folder, file with the daemon's pid and start ticks, file with
 * its own.
 *
 * It ends on SIGTERM, or by itself when neither a daemon nor an instance is left, or when another one lives: a daemon that
 * was killed while it started one could not remember it, and two would share the lines between them.
 */
const [live = '', ended = '', logs = '', daemonFile = '', pidFile = ''] = process.argv.slice(2);
if (!tryLock(openSync(`${pidFile}.lock`, 'a'))) process.exit();
/** What is kept of each instance's output: three segments; beyond that the oldest goes. */
const segmentBytes = 64 * 1024 * 1024;
const reading = new Set<string>();
/** Whose folder the daemon has not removed yet; it takes the ended file away after the folder. */
const finished = new Set<string>();
/** While there is no room for something, or no descriptor. */
const tryAgainMs = 500;
let lookAgain: NodeJS.Timeout | undefined;
const watcher = watch(live, () => quietly(look));

closeInheritedOnExec();
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('SIGTERM', () => process.exit());
setInterval(() => quietly(endWhenNobodyIsLeft), 10_000);
watcher.on('error', () => process.exit(1));
quietly(look);

/** A folder or a file that cannot be looked into now (no descriptor is left) will be at the next look. */
function quietly(action: () => void): void {
  try {
    action();
  } catch (error) {
    process.stderr.write(`log writer: ${String(error)}\n`);
    lookAgain ??= setTimeout(() => quietly(look), tryAgainMs);
  }
}

function look(): void {
  clearTimeout(lookAgain);
  lookAgain = undefined;
  const listed = readdirSync(live).filter((entry) => /^[0-9a-f]{64}$/.test(entry));
  for (const id of finished) if (!listed.includes(id)) finished.delete(id);
  for (const id of listed) {
    if (!reading.has(id) && !finished.has(id) && !existsSync(join(ended, id))) record(id);
  }
}

function record(id: string): void {
  const opened: number[] = [];
  const openFifo = (name: string): number => {
    const fd = openSync(join(live, id, name), constants.O_RDONLY | constants.O_NONBLOCK);
    opened.push(fd);
    return fd;
  };
  try {
    const exited = existsSync(join(live, id, 'exit'));
    const [stdout, stderr] = [openFifo('stdout'), openFifo('stderr')];
    const recording = openRecording(join(logs, id), {
      now: () => Date.now(),
      segmentBytes,
      resultLimitBytes: resultLimitOf(id),
      onFull: () => writeFileSync(join(ended, fullName(id)), ''),
    });
    reading.add(id);
    void Promise.all([follow(stdout, 'stdout', recording, exited), follow(stderr, 'stderr', recording, exited)]).then(
      () => finish(id, recording),
    );
  } catch (error) {
    for (const fd of opened) closeSync(fd);
    process.stderr.write(`log writer: ${id}: ${String(error)}\n`);
    // Its folder may have gone between the listing and now; or there is no room, and then nothing else would tell when there is.
    lookAgain ??= setTimeout(() => quietly(look), tryAgainMs);
  }
}

function resultLimitOf(id: string): number | undefined {
  const record = JSON.parse(readFileSync(join(live, id, 'instance.json'), 'utf8')) as {
    readonly summary: { readonly limits: InstanceLimits };
  };
  return record.summary.limits.resultBytes;
}

/** Resolves when every writer of the FIFO has closed it. */
async function follow(fd: number, kind: 'stdout' | 'stderr', recording: Recording, exited: boolean): Promise<void> {
  const stream = new Socket({ fd, readable: true, writable: false });
  // A FIFO whose writers went before it was opened never reports its end; what it still holds died with them.
  if (exited) stream.destroy();
  stream.on('data', (bytes) => {
    if (tryWrite(recording, kind, bytes)) return;
    // The disk is full: hold this chunk and stop reading, so that the instance waits and nothing is lost.
    stream.pause();
    const timer = setInterval(() => {
      if (!tryWrite(recording, kind, bytes)) return;
      clearInterval(timer);
      stream.resume();
    }, tryAgainMs);
  });
  stream.on('error', () => stream.destroy());
  await new Promise<void>((resolve) => void stream.once('close', resolve));
}

function finish(id: string, recording: Recording): void {
  if (!tryWrite(recording, 'end', Buffer.alloc(0))) {
    setTimeout(() => finish(id, recording), tryAgainMs);
    return;
  }
  recording.close();
  tellEnd(id);
}

function tellEnd(id: string): void {
  try {
    writeFileSync(join(ended, id), '');
  } catch {
    setTimeout(() => tellEnd(id), tryAgainMs);
    return;
  }
  reading.delete(id);
  finished.add(id);
}

function tryWrite(recording: Recording, kind: 'stdout' | 'stderr' | 'end', bytes: Buffer): boolean {
  try {
    recording.write(kind, bytes);
    return true;
  } catch {
    return false;
  }
}

function endWhenNobodyIsLeft(): void {
  if (readPidFile(pidFile) === undefined) writePidFile(pidFile, process.pid);
  if (reading.size === 0 && readPidFile(daemonFile) === undefined) process.exit();
}
