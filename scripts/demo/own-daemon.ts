import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, realpath, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StatusAnswer } from '../../src/api/types.ts';
import { addressFromEnv } from '../../src/sdk/address.ts';
import { createTransport, type Transport } from '../../src/sdk/transport.ts';

/** A daemon with data of its own, for as long as the demo lasts. */
export interface OwnDaemon {
  readonly api: Transport;
  readonly status: StatusAnswer;
  /** Resolves when the daemon has ended, for whatever reason. */
  readonly ended: Promise<unknown>;
  /** The end of its log. */
  log(): string;
  /** Ends everything it started and removes all its data. */
  purge(): Promise<void>;
}

const minke = join(import.meta.dirname, '..', '..', 'bin', 'minke');
const startTimeoutMs = 60_000;
const endTimeoutMs = 60_000;
const lookEveryMs = 50;
const logLimit = 20_000;

export interface OwnDaemonOptions {
  /** bin/minke of the checkout to run; default: this one's. */
  readonly program?: string;
  /** Empty or not there: all data in it is removed in the end. Default: MINKE_DATA, else a fresh folder. */
  readonly dataFolder?: string;
}

export async function startOwnDaemon(signal: AbortSignal, options: OwnDaemonOptions = {}): Promise<OwnDaemon> {
  const { program = minke, dataFolder: asked = process.env.MINKE_DATA ?? '' } = options;
  const dataFolder = await chooseDataFolder(asked);
  const { MINKE_API: _, ...inherited } = process.env;
  const env = { ...inherited, MINKE_DATA: dataFolder };
  // Not in the terminal's process group: Ctrl-C is for the demo, which then ends the daemon in good order.
  const child = spawn(program, ['serve'], { env, cwd: '/', detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit').catch(() => undefined);
  const log = keepLog(child);
  const api = createTransport(addressFromEnv(env));
  const purge = async (): Promise<void> => {
    await endDaemon(child, api, ended);
    await removeEmpty(dataFolder);
  };
  try {
    return { api, status: await untilItAnswers(api, child, signal), ended, log, purge };
  } catch (error) {
    await purge();
    throw signal.aborted
      ? signal.reason
      : new Error(`The daemon did not start. Its log ends:\n${log()}`, { cause: error });
  }
}

async function chooseDataFolder(asked: string): Promise<string> {
  // A folder's own name, without links: the kernel shows it so in the list of mounts.
  if (asked === '') return realpath(await mkdtemp(join(tmpdir(), 'minke-demo-')));
  await mkdir(asked, { recursive: true });
  if ((await readdir(asked)).length > 0) {
    throw new Error(
      `MINKE_DATA is ${asked}, which is not empty: the demo removes all data in the end, so it wants a folder of its own`,
    );
  }
  return realpath(asked);
}

function keepLog(child: ChildProcess): () => string {
  let text = '';
  const add = (chunk: Buffer): void => {
    text = (text + chunk.toString()).slice(-logLimit);
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  return () => text;
}

async function untilItAnswers(api: Transport, child: ChildProcess, signal: AbortSignal): Promise<StatusAnswer> {
  for (const deadline = performance.now() + startTimeoutMs; ; await delay(lookEveryMs, undefined, { signal })) {
    try {
      return await api.json<StatusAnswer>('status', { signal });
    } catch (error) {
      if (hasEnded(child) || performance.now() > deadline || signal.aborted) throw error;
    }
  }
}

async function endDaemon(child: ChildProcess, api: Transport, ended: Promise<unknown>): Promise<void> {
  if (hasEnded(child)) return;
  // One that does not answer is asked by a signal, and no longer than that takes.
  await api.bytes('shutdown', { json: { purge: true, stop: true } }).catch(() => child.kill('SIGTERM'));
  const timer = new AbortController();
  const isLate = delay(endTimeoutMs, true, { signal: timer.signal }).catch(() => false);
  if ((await Promise.race([ended.then(() => false), isLate])) && child.kill('SIGKILL')) await ended;
  timer.abort();
}

const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null || child.pid === undefined;

/** A folder that still holds something is left for the search for leftovers to find. */
async function removeEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch(() => undefined);
}
