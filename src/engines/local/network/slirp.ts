import { closeSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { MinkeError } from '../../../errors/index.ts';
import { openPipe } from '../../../linux/pipe.ts';
import { keepProcess, type KeptProcess } from '../host/kept-process.ts';
import { requireProgram } from '../host/program.ts';
import type { Starter } from '../starter/client.ts';
import { tap } from './ruleset.ts';

/**
 * The process that carries what an app sends to the outside: slirp4netns, which outlives the daemon. `ensure` resolves when
 * packets can leave. One that ended is replaced; connections through it are lost, as with any router.
 */
export type Slirp = KeptProcess;

export interface SlirpOptions {
  readonly app: string;
  readonly namespace: string;
  readonly pidFile: string;
  /** Where it is told what to listen at on the host. */
  readonly socket: string;
  readonly starter: Starter;
  readonly onFailure: (error: unknown) => void;
  /** A new one lives, which listens at nothing yet. */
  readonly onStarted: () => void;
}

export function createSlirp({ app, namespace, pidFile, socket, starter, onFailure, onStarted }: SlirpOptions): Slirp {
  const kept = keepProcess({
    pidFile,
    onFailure,
    start: async (remember) => {
      const ready = openPipe();
      const output = new Socket({ fd: ready.read, readable: true, writable: false });
      try {
        rmSync(socket, { force: true });
        remember(await launch(starter, namespace, socket, ready.write));
      } catch (error) {
        output.destroy();
        throw error;
      } finally {
        closeSync(ready.write);
      }
      await firstByte(app, output);
      onStarted();
    },
  });
  return {
    ...kept,
    stop: async () => {
      await kept.stop();
      rmSync(pidFile, { force: true });
    },
  };
}

async function launch(starter: Starter, namespace: string, socket: string, readyPipe: number): Promise<number> {
  const readyDescriptor = 3;
  const { pid } = await starter.start({
    argv: [
      requireProgram({ name: 'slirp4netns', purpose: 'connects apps to the outside', package: 'slirp4netns' }),
      '--netns-type=path',
      '--configure',
      '--mtu=65520',
      // Not --disable-host-loopback, which would also drop what a published UDP port answers to a client on this host: that
      // nothing else is sent there is the rules' part.
      `--api-socket=${socket}`,
      '--disable-dns',
      `--ready-fd=${readyDescriptor}`,
      namespace,
      tap,
    ],
    descriptors: [
      { path: '/dev/null', access: 'read' },
      { path: '/dev/null', access: 'write' },
      { path: '/dev/null', access: 'write' },
      { path: `/proc/${process.pid}/fd/${readyPipe}`, access: 'write' },
    ],
    outlives: true,
  });
  return pid;
}

async function firstByte(app: string, pipe: Socket): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    pipe.once('data', () => resolve());
    pipe.once('close', () => reject(new MinkeError('NETWORK_FAILED', { app, reason: 'slirp4netns ended at once' })));
  });
  pipe.destroy();
}
