import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { signalProcess, startTicks } from '../../linux/proc.ts';
import type { Places } from './places.ts';
import type { Starter } from './starter/client.ts';

/** The daemon's hold on its log writer: one lives as long as the daemon or any of its instances does. */
export interface LogWriter {
  /** Starts one when none lives; replaces it when it ends. */
  ensure(): Promise<void>;
  /** Lets it live on without us. */
  release(): void;
  stop(): void;
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
    writeFileSync(pidFile, `${pid} ${startTicks(pid) ?? 0}`);
    void ended.then(async () => {
      if (!released && living(pidFile) === undefined) await ensure();
    });
  };

  const ensure = async (): Promise<void> => {
    writeFileSync(daemonFile, `${process.pid} ${startTicks(process.pid) ?? 0}`);
    if (living(pidFile) === undefined) await launch();
  };

  return {
    ensure,
    release: () => {
      released = true;
    },
    stop: () => {
      released = true;
      const found = living(pidFile);
      const terminate = 15;
      if (found !== undefined) signalProcess(found.pid, found.ticks, terminate);
    },
  };
}

function living(pidFile: string): { readonly pid: number; readonly ticks: number } | undefined {
  if (!existsSync(pidFile)) return undefined;
  const [pid = 0, ticks = 0] = readFileSync(pidFile, 'utf8').split(' ').map(Number);
  return startTicks(pid) === ticks ? { pid, ticks } : undefined;
}
