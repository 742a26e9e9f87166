import { closeSync, readFileSync, watch } from 'node:fs';
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import { openPipe, readNow } from '../../../linux/pipe.ts';

/** How a runtime tells the pid of its container's first process: an event, where a file would have to be polled. */
export interface Announcement {
  /** What the runtime is to write the pid into. */
  readonly path: string;
  /** A short container may have ended before its announcement was read: what is there is still told first. */
  readonly stop: () => void;
}

/** Through a pipe of ours, for a runtime that writes into the file that it is given. */
export function listenForPid(take: (pid: number) => void): Announcement {
  const pipe = openPipe();
  const reader = new Socket({ fd: pipe.read, readable: true, writable: false });
  let open = true;
  const heard = (text: Buffer): void => {
    take(Number(text.toString()));
    stop();
  };
  const stop = (): void => {
    if (!open) return;
    open = false;
    const unread = readNow(pipe.read);
    if (unread.length > 0) take(Number(unread.toString()));
    closeSync(pipe.write);
    reader.destroy();
  };
  reader.once('data', heard);
  return { path: `/proc/${process.pid}/fd/${pipe.write}`, stop };
}

/** In a file that gets its name when it is complete, for a runtime that makes a file of its own. Its folder must be there. */
export function watchForPid(path: string, take: (pid: number) => void): Announcement {
  let open = true;
  const look = (): void => {
    const pid = pidIn(path);
    if (!open || pid === undefined) return;
    open = false;
    watcher.close();
    take(pid);
  };
  const watcher = watch(dirname(path), look);
  watcher.on('error', () => undefined);
  return {
    path,
    stop: () => {
      look();
      open = false;
      watcher.close();
    },
  };
}

function pidIn(path: string): number | undefined {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return undefined; // it is not there yet
  }
}
