import type { Socket } from 'node:net';
import { MinkeError } from '../../errors/index.ts';
import { newId, type Id } from '../../model/ids.ts';
import type { Command, CommandEnd } from '../engine.ts';
import { commandMark } from '../local/command-processes.ts';
import { untilLate } from '../local/command-time.ts';
import { isRefusal } from './api/client.ts';
import { attend, keepLast } from './command-output.ts';
import { detachKeys } from './container-config.ts';
import type { Context } from './context.ts';
import { codeOf, killExecution, untilStopped, type Execution } from './execution.ts';
import { containerName } from './places.ts';
import type { Running } from './running.ts';

/**
 * Runs a command in a living instance by the engine's `exec`. Where nobody is attached, whoever writes without end is read without
 * end, and only the last is kept.
 */
export async function executeIn(
  context: Context,
  running: Running,
  command: Command,
  signal: AbortSignal | undefined,
): Promise<CommandEnd> {
  signal?.throwIfAborted();
  const instance = running.record.summary.id;
  const mark = newId();
  const exec = await create(context, instance, command, mark);
  const ended = context.ends.ofCommand(exec);
  try {
    const socket = await start(context, instance, exec, command);
    const closed = new Promise<void>((resolve) => void socket.once('close', resolve).once('end', resolve));
    const execution = { instance, exec, mark, socket, closed, ended };
    const { attached, outputBytes } = command;
    const output = attached === undefined ? keepLast(execution, outputBytes) : attend(context, execution, attached);
    const end = await untilEnded(context, execution, command, signal);
    return toEnd(end, await output());
  } finally {
    context.ends.forget(exec);
  }
}

async function create(context: Context, instance: Id, command: Command, mark: string): Promise<string> {
  const { argv, env = {}, user, workdir, attached } = command;
  const terminal = attached?.terminal;
  const body = {
    AttachStdin: attached?.stdin === 'open',
    AttachStdout: true,
    AttachStderr: true,
    Tty: terminal !== undefined,
    ...(terminal === undefined ? {} : { ConsoleSize: [terminal.rows, terminal.columns] }),
    DetachKeys: detachKeys,
    Cmd: argv,
    Env: Object.entries({ ...env, [commandMark]: mark }).map(([name, value]) => `${name}=${value}`),
    ...(user === undefined ? {} : { User: user }),
    ...(workdir === undefined ? {} : { WorkingDir: workdir }),
  };
  const path = `/containers/${containerName(context.places, instance)}/exec`;
  const { Id: exec } = await unlessGone(instance, context.client.call<{ Id: string }>({ method: 'POST', path, body }));
  return exec;
}

async function start({ client }: Context, instance: Id, exec: string, { attached }: Command): Promise<Socket> {
  const body = { Detach: false, Tty: attached?.terminal !== undefined };
  return await unlessGone(instance, client.hijack({ method: 'POST', path: `/exec/${exec}/start`, body }));
}

async function unlessGone<T>(instance: Id, asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    if (isRefusal(error, 404, 409)) throw new MinkeError('INSTANCE_NOT_FOUND', { instance }, { cause: error });
    throw error;
  }
}

/** Kills it when its time is up or nobody wants it any more; what is there by then is dead when this resolves. */
async function untilEnded(
  context: Context,
  execution: Execution,
  { timeoutMs, attached }: Command,
  signal: AbortSignal | undefined,
): Promise<Pick<CommandEnd, 'code' | 'cause'>> {
  const { socket, closed, ended } = execution;
  const { clock, closing } = context;
  const over = new AbortController();
  const given = signal === undefined ? [over.signal, closing.signal] : [over.signal, closing.signal, signal];
  const late = untilLate(clock, timeoutMs, AbortSignal.any(given));
  // What it left running may hold the stream for long; what could not be started has no end that is told of.
  const first = await Promise.race([ended, closed.then(async () => await untilStopped(context, execution)), late]);
  over.abort();
  if (first !== 'late') {
    // The engine has closed them by now, and what is under way is still to be read. Whoever is attached reads in their own time.
    if (attached === undefined) await readRest(context, execution);
    return { code: await codeOf(context, execution), cause: 'exited' };
  }
  await killExecution(context, execution);
  socket.destroy();
  signal?.throwIfAborted();
  closing.signal.throwIfAborted();
  return { code: await codeOf(context, execution), cause: 'timed-out' };
}

async function readRest({ clock }: Context, { socket, closed }: Execution): Promise<void> {
  const unreadMs = 2000;
  const read = new AbortController();
  await Promise.race([closed, clock.sleep(unreadMs, read.signal).catch(() => undefined)]);
  read.abort();
  socket.destroy();
}

/** What the engine says of a program that it could not start stands where the program's own output would. */
function toEnd({ code, cause }: Pick<CommandEnd, 'code' | 'cause'>, output: Buffer): CommandEnd {
  const couldNotStart = 126;
  const isRefused = code >= couldNotStart && output.toString('latin1', 0, 100).startsWith('OCI runtime exec failed');
  if (!isRefused || cause !== 'exited') return { code, cause, output };
  const isMissing = /not found|no such file/i.test(output.toString());
  return {
    code: isMissing ? couldNotStart + 1 : couldNotStart,
    cause,
    output: Buffer.from(output.toString().trimEnd()),
  };
}
