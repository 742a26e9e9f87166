import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import { newId, type Id } from '../../model/ids.ts';
import type { Command, CommandEnd } from '../engine.ts';
import type { Running } from './brief.ts';
import { commandMark, killCommand } from '../local/command-processes.ts';
import { untilLate } from '../local/command-time.ts';
import { connectCommand } from './command-streams.ts';
import { consoleSizeOf } from './bundle-settings.ts';
import type { Context } from './context.ts';
import { findProgram } from '../local/host/program.ts';
import { starterLost } from './prepare.ts';
import { containerOf } from './record.ts';
import { executeCommand } from './runtime/commands.ts';
import { failureIn, firstProcess, type KnownContainer } from './runtime/containers.ts';
import type { StartedProcess } from '../local/starter/client.ts';
import { resolveUser, type OciUser } from '../local/users.ts';

/**
 * Runs a command in a living instance by its runtime's own `exec`, which the starter starts. The daemon reads its output: where
 * nobody is attached, whoever writes without end is read without end, and only the last of it is kept.
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
  readonly terminal: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
}

/** The instance's own process but for what the command says: the same rights, limits and environment. */
function describe(
  { home, record }: Running,
  { argv, env = {}, user, workdir, attached }: Command,
  key: Id,
): OciProcess {
  const { process: own } = JSON.parse(readFileSync(join(home, 'config.json'), 'utf8')) as { process: OciProcess };
  const { consoleSize: _, ...process } = own;
  const added = Object.entries({ ...env, [commandMark]: key });
  const kept = process.env.filter((line) => !added.some(([name]) => line.startsWith(`${name}=`)));
  return {
    ...process,
    args: argv,
    env: [...kept, ...added.map(([name, value]) => `${name}=${value}`)],
    cwd: workdir ?? process.cwd,
    user: user === undefined ? process.user : resolveUser(user, record.imageRoot ?? ''),
    terminal: attached?.terminal !== undefined,
    ...consoleSizeOf(attached ?? {}),
  };
}

// crun's `exec` leaves it as it is, and the starter's may be that of a daemon that is protected from the kernel.
const shellLine = 'echo "$1" >/proc/self/oom_score_adj; shift; exec "$@"';

// As in lasting.ts: 3 is the terminal's other end, 4 and 5 are the pipes.
const terminalShellLine = `echo "$1" >/proc/self/oom_score_adj; shift
cat <&3 >&5 2>/dev/null 3<&- 4<&- 5>&- & output=$!
cat <&4 >&3 2>/dev/null 3<&- 4<&- 5>&- & input=$!
"$@" 3>&- 4>&- 5>&-
code=$?; exec </dev/null >/dev/null 2>&1; wait $output; kill $input
exit $code`;

async function run(context: Context, execution: Execution): Promise<CommandEnd> {
  const { container, command, folder, described } = execution;
  const program = findProgram(container.runtime);
  if (program === undefined) throw gone(container.id);
  const runtime = { name: container.runtime, program };
  const started = executeCommand(runtime, context.places.memory, container.id, folder);
  const terminal = command.attached?.terminal;
  const ends = connectCommand(command.attached, command.outputBytes);
  const line = terminal === undefined ? shellLine : terminalShellLine;
  try {
    const process = await context.starter
      .start({
        ...started,
        argv: ['/bin/sh', '-c', line, 'minke', String(described.oomScoreAdj), ...started.argv],
        descriptors: ends.descriptors,
        ...(terminal === undefined ? {} : { terminal }),
        outlives: false,
        isCommand: true,
      })
      .finally(ends.letGo);
    void process.announced.then((pid) => {
      if (pid !== undefined) ends.begun(pid);
    });
    const end = await untilEnded(context, execution, process);
    return { ...end, output: ends.end() };
  } finally {
    ends.end();
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
  const first = await Promise.race([process.ended, untilLate(clock, command.timeoutMs, either)]);
  over.abort();
  if (typeof first === 'number') return { code: first, cause: 'exited' };
  await killCommand({ group: running.group, pid: process.pid, mark: key });
  signal?.throwIfAborted();
  if (first === undefined) throw starterLost(running.record.summary.name);
  return { code: (await process.ended) ?? killed, cause: 'timed-out' };
}

/** Of a program that SIGKILL ended. */
const killed = 137;
