import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { Id } from '../../model/ids.ts';
import { daemonIdOf } from '../local/daemon-id.ts';

/**
 * Where the sandbox keeps things. Everything is under the data folder or carries the daemon's own id, which is derived
 * from the data folder, so that several daemons live side by side and each can find what an earlier life of it left.
 *
 *   /run/minke-ID/live/INSTANCE/      instance.json, config.json, stdout and stderr (FIFOs), exit, RUNTIME.log   outlives the daemon
 *   MEMORY/minke-ID/brief/INSTANCE/   config.json, RUNTIME.log                                                   ends with the daemon
 *   /run/minke-ID/ended/INSTANCE      written by the log writer after the last byte of output; INSTANCE.full: its result is too large
 *   /run/minke-ID/net/APP/            ns and slot-N (bind-mounted namespaces), state.json, slirp.pid
 *   MEMORY/minke-ID/RUNTIME/          the runtime's own state of its containers
 *   DATA/logs/INSTANCE/               segments of recorded output
 *   DATA/writable/INSTANCE/           upper, work, root: the layer of an instance that may write
 *   DATA/roots/ROOT/                  the same, of one that is kept beyond its instance
 *
 * MEMORY is /run where that is in memory, as it should be, and /dev/shm on machines that keep /run on disk: every start
 * makes and removes a dozen small files and folders there, for which a disk's file system takes ten times as long.
 */
export interface Places {
  readonly daemonId: string;
  readonly run: string;
  /** The same folder, or its counterpart in memory. */
  readonly memory: string;
  readonly live: string;
  readonly brief: string;
  readonly ended: string;
  readonly net: string;
  readonly logs: string;
  readonly writable: string;
  readonly roots: string;
  /** Path of the daemon's cgroup below each controller. */
  readonly cgroup: string;
}

export function placesFor(dataFolder: string, runParent = '/run'): Places {
  const daemonId = daemonIdOf(dataFolder);
  const run = join(runParent, `minke-${daemonId}`);
  const memory = join(isInMemory(runParent) || !isInMemory('/dev/shm') ? runParent : '/dev/shm', `minke-${daemonId}`);
  return {
    daemonId,
    run,
    memory,
    live: join(run, 'live'),
    brief: join(memory, 'brief'),
    ended: join(run, 'ended'),
    net: join(run, 'net'),
    logs: join(dataFolder, 'logs'),
    writable: join(dataFolder, 'writable'),
    roots: join(dataFolder, 'roots'),
    cgroup: `/minke-${daemonId}`,
  };
}

/** TMPFS_MAGIC of statfs(2). */
const tmpfs = 0x01021994;

function isInMemory(folder: string): boolean {
  try {
    return statfsSync(folder).type === tmpfs;
  } catch {
    return false;
  }
}

/** Folder of an instance while it lives. */
export const instanceFolder = (places: Places, id: Id, streams: 'pipes' | 'logs'): string =>
  join(streams === 'logs' ? places.live : places.brief, id);
