import { constants, existsSync, openSync, readdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { closeInheritedOnExec } from '../../../linux/process.ts';
import { startTicks } from '../../../linux/proc.ts';
import { openRecording, type Recording } from './recording.ts';

/**
 * The log writer: reads the FIFOs of every instance and records them. A process and a session of its own: it outlives the
 * daemon, so that no line is lost when that is killed, and finds its work by looking into folders, so that nobody has to
 * tell it anything. Arguments: live folder, ended folder, logs folder, file with the daemon's pid and start ticks.
 *
 * It ends on SIGTERM, or by itself when neither a daemon nor an instance is left.
 */
const [live = '', ended = '', logs = '', daemonFile = ''] = process.argv.slice(2);
const reading = new Set<string>();
const watcher = watch(live, look);

closeInheritedOnExec();
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.on('SIGTERM', () => process.exit());
setInterval(endWhenNobodyIsLeft, 10_000);
watcher.on('error', () => process.exit(1));
look();

function look(): void {
  for (const id of readdirSync(live)) {
    if (/^[0-9a-f]{64}$/.test(id) && !reading.has(id) && !existsSync(join(ended, id))) record(id);
  }
}

function record(id: string): void {
  reading.add(id);
  try {
    const recording = openRecording(join(logs, id), () => Date.now());
    const exited = existsSync(join(live, id, 'exit'));
    const streams = (['stdout', 'stderr'] as const).map((kind) => follow(join(live, id, kind), kind, recording, exited));
    void Promise.all(streams).then(() => finish(id, recording));
  } catch (error) {
    // Its folder may have gone between the listing and now; what is still there is tried again at the next change.
    reading.delete(id);
    process.stderr.write(`log writer: ${id}: ${String(error)}\n`);
  }
}

/** Resolves when every writer of the FIFO has closed it. */
async function follow(fifo: string, kind: 'stdout' | 'stderr', recording: Recording, exited: boolean): Promise<void> {
  const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
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
    }, 500);
  });
  stream.on('error', () => stream.destroy());
  await new Promise<void>((resolve) => void stream.once('close', resolve));
}

function finish(id: string, recording: Recording): void {
  if (!tryWrite(recording, 'end', Buffer.alloc(0))) {
    setTimeout(() => finish(id, recording), 500);
    return;
  }
  recording.close();
  writeFileSync(join(ended, id), '');
  reading.delete(id);
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
  if (reading.size === 0 && !isDaemonAlive()) process.exit();
}

function isDaemonAlive(): boolean {
  if (!existsSync(daemonFile)) return false;
  const [pid = 0, ticks = 0] = readFileSync(daemonFile, 'utf8').trim().split(' ').map(Number);
  return startTicks(pid) === ticks;
}
