import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StatusAnswer } from '../../api/types.ts';
import { MinkeError } from '../../errors/index.ts';
import { dataFolder } from '../../sdk/address.ts';
import type { Transport } from '../../sdk/transport.ts';
import type { Context } from '../command/context.ts';
import type { Progress } from '../terminal/progress.ts';

/** Milliseconds between two looks for the socket, and the most that a daemon may take until it answers. */
const lookEveryMs = 25;
const startTimeoutMs = 60_000;

/** The status of the daemon; where none answers on this machine, one is started and outlives this command. */
export async function ensureDaemon(context: Context, api: Transport, progress: Progress): Promise<StatusAnswer> {
  const status = await statusUnlessGone(api, context.signal);
  if (status !== undefined) return status;
  const isRemote = (context.env.MINKE_API ?? '') !== '';
  if (isRemote) throw new MinkeError('DAEMON_UNREACHABLE', { socket: api.address.text });
  progress.show('Starting the daemon');
  const folder = dataFolder(context.env);
  const log = await openLog(folder);
  try {
    const child = spawnDaemon(context, folder, log.file);
    return await untilItAnswers(context, api, child, log);
  } finally {
    await log.file.close();
  }
}

/** undefined where nobody listens; every other failure is thrown. */
export async function statusUnlessGone(api: Transport, signal?: AbortSignal): Promise<StatusAnswer | undefined> {
  try {
    return await api.json<StatusAnswer>('status', { signal });
  } catch (error) {
    if (error instanceof MinkeError && error.code === 'DAEMON_UNREACHABLE') return undefined;
    throw error;
  }
}

interface DaemonLog {
  readonly path: string;
  readonly file: FileHandle;
  /** Bytes that earlier daemons wrote. */
  readonly from: number;
}

async function openLog(folder: string): Promise<DaemonLog> {
  const path = join(folder, 'daemon.log');
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = await open(path, 'a', 0o600);
    return { path, file, from: (await stat(path)).size };
  } catch (cause) {
    throw new MinkeError('DATA_FOLDER', { folder, reason: (cause as Error).message }, { cause });
  }
}

/** In a session of its own, so that the end of this terminal is not the end of the daemon. */
function spawnDaemon({ env, entry }: Context, folder: string, log: FileHandle): ChildProcess {
  const child = spawn(process.execPath, [...process.execArgv, entry, 'serve'], {
    cwd: '/',
    env: { ...env, MINKE_DATA: folder },
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  child.unref();
  return child;
}

async function untilItAnswers(
  context: Context,
  api: Transport,
  child: ChildProcess,
  log: DaemonLog,
): Promise<StatusAnswer> {
  const ended = once(child, 'exit').then(() => true);
  const deadline = performance.now() + startTimeoutMs;
  while (performance.now() < deadline) {
    const status = await statusUnlessGone(api, context.signal);
    if (status !== undefined) return status;
    const isGone = await Promise.race([ended, delay(lookEveryMs, false, { signal: context.signal })]);
    if (!isGone) continue;
    const reason = await reasonIn(log);
    if (!anotherOneStarts(reason.reason)) throw new MinkeError('DAEMON_START_FAILED', reason);
    await delay(lookEveryMs, undefined, { signal: context.signal });
  }
  throw new MinkeError('TIMEOUT', {
    action: `The start of the daemon (log: ${log.path})`,
    seconds: startTimeoutMs / 1_000,
  });
}

/** Two commands that start a daemon at once: one of the two daemons stays, and both commands wait for it. */
const anotherOneStarts = (reason: string): boolean => /runs already \(pid \d+\)/.test(reason);

/** The error that the daemon ended with, as this command line writes errors; without one, the last line of its log. */
async function reasonIn({ path, from }: DaemonLog): Promise<{ reason: string; mend: string }> {
  const lines = (await readFile(path))
    .subarray(from)
    .toString()
    .split('\n')
    .filter((line) => line.trim() !== '');
  const at = lines.findLastIndex((line) => line.startsWith('minke: '));
  const reason = at === -1 ? (lines.at(-1) ?? 'it ended without a word') : (lines[at] ?? '').slice('minke: '.length);
  const hint = /^\s*hint: (.*)/.exec(lines[at + 1] ?? '')?.[1];
  return { reason, mend: at === -1 || hint === undefined ? `Read its log: ${path}` : hint };
}
