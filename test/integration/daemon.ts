import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProgressLine, StatusAnswer } from '../../src/api/types.ts';
import { placesFor } from '../../src/engines/sandbox/places.ts';
import { createTransport, type Transport } from '../../src/sdk/transport.ts';
import { leftoversOf } from './leftovers.ts';

export const minkeProgram = fileURLToPath(new URL('../../bin/minke', import.meta.url));

/** A real daemon, as `minke serve` starts it, with data of its own. */
export interface TestDaemon {
  readonly dataFolder: string;
  /** The API over its socket; the same across restarts. */
  readonly api: Transport;
  readonly pid: number;
  /** Where its gateway listens: `http://127.0.0.1:PORT`. */
  readonly gateway: string;
  readonly status: StatusAnswer;
  /** Its log so far, all lives of it. */
  log(): string;
  /** Deploys an app file; rejects with what it says is wrong. */
  up(
    file: string,
    options?: {
      readonly project?: string;
      readonly environment?: Record<string, string>;
      /** Files that are merged over it. */
      readonly over?: readonly string[];
    },
  ): Promise<{ changed: boolean }>;
  /** Ends it with a signal and resolves when its process is gone. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Resolves when its process is gone, however it ends. */
  gone(): Promise<void>;
  /** A new life with the same data. It must have ended. */
  restart(): Promise<void>;
  /** Runs the command line against it. */
  cli(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** `minke shutdown --purge`; resolves with what is left of it on the host, which should be nothing. */
  purge(): Promise<readonly string[]>;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly input?: string;
  /** Beside this process's own. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * `folderName`: its data folder's, below a temporary one; where the socket's path gets too long it lies in the run folder.
 * `parent`: instead of a temporary folder, and the caller's to remove. `environment`: beside this process's own. `under`: the
 * command that becomes the daemon, with the daemon's own after it.
 */
export async function startDaemon({
  folderName = 'data',
  parent,
  environment = {},
  under = [],
}: {
  readonly folderName?: string;
  readonly parent?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly under?: readonly string[];
} = {}): Promise<TestDaemon> {
  const folder = parent ?? mkdtempSync(join(tmpdir(), 'minke-test-'));
  const dataFolder = join(folder, folderName);
  const wanted = join(dataFolder, 'minke.sock');
  const socketPath = Buffer.byteLength(wanted) > 107 ? join(placesFor(dataFolder).run, 'minke.sock') : wanted;
  const api = createTransport({ text: socketPath, socketPath });
  const logs: Buffer[] = [];
  const begin = (): ChildProcess => launch(dataFolder, under, environment, logs);
  let child = begin();
  let status = await answering(api, child, logs);
  return {
    dataFolder,
    api,
    get pid() {
      return child.pid ?? 0;
    },
    get gateway() {
      return `http://${status.gateway.host}:${status.gateway.port}`;
    },
    get status() {
      return status;
    },
    log: () => Buffer.concat(logs).toString(),
    up: async (file, { project, environment = {}, over = [] } = {}) => {
      const json = { files: [file, ...over], environment, ...(project === undefined ? {} : { project }) };
      for await (const line of api.lines<ProgressLine>('up', { json })) {
        if (line.error !== undefined) throw new Error(`${line.error.code}: ${line.error.message}`);
        if (line.done === true) return { changed: line.changed === true };
      }
      throw new Error('the daemon did not say how it ended');
    },
    end: async (signal) => {
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    },
    gone: async () => {
      if (!hasEnded(child)) await once(child, 'exit');
    },
    restart: async () => {
      child = begin();
      status = await answering(api, child, logs);
    },
    cli: async (args, options = {}) => await runCli(dataFolder, args, options),
    purge: async () => {
      // What one that crashed or was killed has left, only another one can take apart.
      if (hasBrokenOff(child)) {
        child = begin();
        status = await answering(api, child, logs);
      }
      if (!hasEnded(child)) {
        const exited = once(child, 'exit');
        await api.json('shutdown', { json: { purge: true, stop: true } });
        await exited;
      }
      if (parent === undefined) rmSync(folder, { recursive: true, force: true });
      return leftoversOf(dataFolder);
    },
  };
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

const hasBrokenOff = (child: ChildProcess): boolean => hasEnded(child) && child.exitCode !== 0;

function launch(
  dataFolder: string,
  under: readonly string[],
  environment: Readonly<Record<string, string>>,
  logs: Buffer[],
): ChildProcess {
  const serve = [minkeProgram, 'serve', '--data', dataFolder, '--gateway', '127.0.0.1:0'];
  // Without a command, env(1) becomes the daemon at once.
  const child = spawn('/usr/bin/env', [...under, ...serve], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr?.on('data', (chunk: Buffer) => logs.push(chunk));
  return child;
}

/** Until its socket answers; fails with its log when it ends instead. */
async function answering(api: Transport, child: ChildProcess, logs: readonly Buffer[]): Promise<StatusAnswer> {
  for (;;) {
    if (hasEnded(child)) throw new Error(`the daemon ended: ${Buffer.concat(logs).toString()}`);
    try {
      return await api.json<StatusAnswer>('status');
    } catch {
      await once(child.stderr ?? child, 'data', { signal: AbortSignal.timeout(100) }).catch(() => undefined);
    }
  }
}

/** The command line for the daemon of a data folder, whether there is one or not. */
export async function runCli(
  dataFolder: string,
  args: readonly string[],
  { cwd = '/', input = '', environment = {} }: CliOptions,
): Promise<CliResult> {
  const child = spawn(minkeProgram, args, {
    cwd,
    env: { ...process.env, ...environment, MINKE_DATA: dataFolder, NO_COLOR: '1' },
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? -1, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
}
