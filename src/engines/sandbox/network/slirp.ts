import { closeSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { MinkeError } from '../../../errors/index.ts';
import { openPipe } from '../../../linux/pipe.ts';
import { endProcess, readPidFile, writePidFile } from '../../../linux/proc.ts';
import { requireProgram } from '../host/program.ts';
import type { Starter } from '../starter/client.ts';
import { tap } from './ruleset.ts';

/** The process that carries what an app sends to the outside: slirp4netns, which outlives the daemon. */
export interface Slirp {
  /** Resolves when packets can leave. Idempotent. */
  ensure(): Promise<void>;
  stop(): Promise<void>;
}

export function createSlirp(options: {
  readonly namespace: string;
  readonly pidFile: string;
  readonly starter: Starter;
}): Slirp {
  const { namespace, pidFile, starter } = options;
  let starting: Promise<void> | undefined;
  let stopped = false;

  const launch = async (): Promise<void> => {
    const program = requireProgram('slirp4netns', 'connects apps to the outside', 'slirp4netns');
    const readyDescriptor = 3;
    const ready = openPipe();
    const started = await starter.start({
      argv: [
        program,
        '--netns-type=path',
        '--configure',
        '--mtu=65520',
        '--disable-host-loopback',
        '--disable-dns',
        `--ready-fd=${readyDescriptor}`,
        namespace,
        tap,
      ],
      descriptors: [
        { path: '/dev/null', access: 'read' },
        { path: '/dev/null', access: 'write' },
        { path: '/dev/null', access: 'write' },
        { path: `/proc/${process.pid}/fd/${ready.write}`, access: 'write' },
      ],
      outlives: true,
    });
    closeSync(ready.write);
    writePidFile(pidFile, started.pid);
    await firstByte(ready.read);
    // A way out that broke is mended; connections through it are lost, as with any router.
    void started.ended.then(async (code) => {
      if (code === undefined || stopped) return;
      starting = undefined;
      await ensure().catch(() => undefined);
    });
  };

  const ensure = async (): Promise<void> => {
    if (readPidFile(pidFile) !== undefined && starting === undefined) return;
    starting ??= launch();
    await starting;
  };

  return {
    ensure,
    stop: async () => {
      stopped = true;
      await starting?.catch(() => undefined);
      const found = readPidFile(pidFile);
      if (found !== undefined) await endProcess(found);
      rmSync(pidFile, { force: true });
    },
  };
}

async function firstByte(fd: number): Promise<void> {
  const pipe = new Socket({ fd, readable: true, writable: false });
  await new Promise<void>((resolve, reject) => {
    pipe.once('data', () => resolve());
    pipe.once('close', () =>
      reject(new MinkeError('NETWORK_FAILED', { app: '', reason: 'slirp4netns ended at once' })),
    );
  });
  pipe.destroy();
}
