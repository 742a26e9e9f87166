import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endProcess, readPidFile, writePidFile } from '../../linux/proc.ts';
import type { Places } from './places.ts';
import type { Starter } from './starter/client.ts';

/** The daemon's hold on its log writer: one lives as long as the daemon or any of its instances does. */
export interface LogWriter {
  /** Starts one when none lives; replaces it when it ends. */
  ensure(): Promise<void>;
  /** Lets it live on without us. */
  release(): void;
  stop(): Promise<void>;
}

export function createLogWriter(places: Places, starter: Starter): LogWriter {
  const pidFile = join(places.run, 'log-writer.pid');
  const daemonFile = join(places.run, 'daemon.pid');
  let released = false;

  const launch = async (): Promise<void> => {
    const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    const program = fileURLToPath(new URL(`./logs/writer${extension}`, import.meta.url));
    const { pid, ended } = await starter.start({
      argv: [process.execPath, '--max-semi-space-size=1', program, places.live, places.ended, places.logs, daemonFile],
      descriptors: [
        { path: '/dev/null', access: 'read' },
        { path: '/dev/null', access: 'write' },
        { path: '/dev/null', access: 'write' },
      ],
      outlives: true,
    });
    writePidFile(pidFile, pid);
    void ended.then(async () => {
      if (!released && readPidFile(pidFile) === undefined) await ensure();
    });
  };

  const ensure = async (): Promise<void> => {
    writePidFile(daemonFile, process.pid);
    if (readPidFile(pidFile) === undefined) await launch();
  };

  return {
    ensure,
    release: () => {
      released = true;
    },
    stop: async () => {
      released = true;
      const found = readPidFile(pidFile);
      if (found !== undefined) await endProcess(found);
    },
  };
}
