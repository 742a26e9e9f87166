import { closeSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import { openPipe } from '../../linux/pipe.ts';
import { newId, type Id } from '../../model/ids.ts';
import type { Command, CommandEnd } from '../engine.ts';
import { childEnd, type Running } from './brief.ts';
import { commandMark, killCommand } from '../local/command-processes.ts';
import type { Context } from './context.ts';
import { findProgram } from '../local/host/program.ts';
import { starterLost } from './prepare.ts';
import { containerOf } from './record.ts';
import { readLast } from './last-output.ts';
import { executeCommand } from './runtime/commands.ts';
import { failureIn, firstProcess, type KnownContainer } from './runtime/containers.ts';
import type { StartedProcess } from '../local/starter/client.ts';
import { resolveUser, type OciUser } from '../local/users.ts';

/**
 * Runs a command in a living instance by its runtime's own `exec`, which the starter starts. The daemon reads its output: whoever
 * writes without end is read without end, and only the last of it is kept.
 */
export async function executeIn(
  context: Context,
  running: Running,
  command: Command,
  signal: AbortSignal | undefined,
): Promise<CommandEnd> {
  signal?.throwIfAborted();
  const container = containerOf(running.record);
  const key = newId();
  const folder = join(running.home, 'commands', key);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    const described = describe(running, command, key);
    writeFileSync(join(folder, 'process.json'), JSON.stringify(described));
    const end = await run(context, { running, container, command, folder, key, described, signal });
    const failure = failureIn(folder, container.runtime);
    if (failure === undefined || end.cause === 'timed-out') return end;
    // Between our look and the runtime's it may have ended.
    if (firstProcess(context.places.memory, container) === undefined) throw gone(container.id);
    return { code: /not found|no such file/i.test(failure) ? 127 : 126, cause: 'exited', output: Buffer.from(failure) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Execution {
  readonly running: Running;
  readonly container: KnownContainer;
  readonly command: Command;
  readonly folder: string;
  readonly key: Id;
  readonly described: OciProcess;
  readonly signal: AbortSignal | undefined;
}

const gone = (instance: Id): MinkeError => new MinkeError('INSTANCE_NOT_FOUND', { instance });

/** The part of the runtime configuration (runtime-spec 1.0, config.md) that a command changes. */
interface OciProcess {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: OciUser;
  readonly oomScoreAdj: number;
}

/** The instance's own process but for what the command says: the same rights, limits and environment. */
function describe({ home, record }: Running, { argv, env = {}, user, workdir }: Command, key: Id): OciProcess {
  const { process } = JSON.parse(readFileSync(join(home, 'config.json'), 'utf8')) as { process: OciProcess };
  const added = Object.entries({ ...env, [commandMark]: key });
  const kept = process.env.filter((line) => !added.some(([name]) => line.startsWith(`${name}=`)));
  return {
    ...process,
    args: argv,
    env: [...kept, ...added.map(([name, value]) => `${name}=${value}`)],
    cwd: workdir ?? process.cwd,
    user: user === undefined ? process.user : resolveUser(user, record.imageRoot ?? ''),
  };
}

// crun's `exec` leaves it as it is, and the starter's may be that of a daemon that is protected from the kernel.
const shellLine = 'echo "$1" >/proc/self/oom_score_adj; shift; exec "$@"';

async function run(context: Context, execution: Execution): Promise<CommandEnd> {
  const { container, command, folder, described } = execution;
  const program = findProgram(container.runtime);
  if (program === undefined) throw gone(container.id);
  const runtime = { name: container.runtime, program };
  const started = executeCommand(runtime, context.places.memory, container.id, folder);
  const pipe = openPipe();
  const output = readLast(pipe, command.outputBytes);
  try {
    const process = await context.starter
      .start({
        ...started,
        argv: ['/bin/sh', '-c', shellLine, 'minke', String(described.oomScoreAdj), ...started.argv],
        descriptors: [childEnd(undefined, 'read'), childEnd(pipe, 'write'), childEnd(pipe, 'write')],
        outlives: false,
        isCommand: true,
      })
      .finally(() => closeSync(pipe.write));
    const end = await untilEnded(context, execution, process);
    return { ...end, output: output.end() };
  } finally {
    output.end();
  }
}

/** Kills it when its time is up or nobody wants it any more; what is there by then is dead when this resolves. */
async function untilEnded(
  { clock }: Context,
  { running, command, key, signal }: Execution,
  process: StartedProcess,
): Promise<Pick<CommandEnd, 'code' | 'cause'>> {
  const over = new AbortController();
  const either = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
  const unlessOver = (): 'late' => 'late';
  const limit = clock.sleep(command.timeoutMs, either).then(unlessOver, unlessOver);
  const first = await Promise.race([process.ended, limit]);
  over.abort();
  if (typeof first === 'number') return { code: first, cause: 'exited' };
  await killCommand({ group: running.group, pid: process.pid, mark: key });
  signal?.throwIfAborted();
  if (first === undefined) throw starterLost(running.record.summary.name);
  return { code: (await process.ended) ?? killed, cause: 'timed-out' };
}

/** Of a program that SIGKILL ended. */
const killed = 137;
