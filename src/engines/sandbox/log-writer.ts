import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writePidFile } from '../../linux/proc.ts';
import type { Log } from '../../observe/log.ts';
import { keepProcess, type KeptProcess } from '../local/host/kept-process.ts';
import type { Places } from './places.ts';
import type { Starter } from '../local/starter/client.ts';

/**
 * The daemon's hold on its log writer: one lives as long as the daemon or any of its instances does. While none lives, what
 * instances write stays in their FIFOs, and they wait when those are full.
 */
export type LogWriter = KeptProcess;

export function createLogWriter(places: Places, starter: Starter, log: Log): LogWriter {
  const pidFile = join(places.run, 'log-writer.pid');
  const daemonFile = join(places.run, 'daemon.pid');
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const program = fileURLToPath(new URL(`./logs/writer${extension}`, import.meta.url));
  writePidFile(daemonFile, process.pid);
  return keepProcess({
    pidFile,
    start: async (remember) => {
      const { pid } = await starter.start({
        argv: [
          process.execPath,
          '--max-semi-space-size=1',
          program,
          places.live,
          places.ended,
          places.logs,
          daemonFile,
          pidFile,
        ],
        descriptors: [
          { path: '/dev/null', access: 'read' },
          { path: '/dev/null', access: 'write' },
          { path: '/dev/null', access: 'write' },
        ],
        outlives: true,
      });
      remember(pid);
    },
    onFailure: (error) => log.error('The log writer ended and none could be started; it is tried again', { error }),
  });
}
