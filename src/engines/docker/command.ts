import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { MinkeError } from '../../errors/index.ts';
import { signalProcess, startTicks } from '../../linux/proc.ts';
import { newId, type Id } from '../../model/ids.ts';
import type { Command, CommandEnd } from '../engine.ts';
import { commandMark, killCommand } from '../local/command-processes.ts';
import { isRefusal } from './api/client.ts';
import { frameParser } from './api/frames.ts';
import type { InspectedCommand } from './api/types.ts';
import { inspectContainer } from './containers.ts';
import type { Context } from './context.ts';
import { containerName } from './places.ts';
import type { Running } from './running.ts';

/** Of a program that SIGKILL ended. */
const killed = 137;

/** Runs a command in a living instance by the engine's `exec`. Whoever writes without end is read without end, and only the last is kept. */
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
    const socket = await start(context, exec, instance);
    const output = readLast(socket, command.outputBytes);
    const end = await untilEnded(context, { instance, exec, mark, command, socket, ended, signal });
    return toEnd(end, output());
  } finally {
    context.ends.forget(exec);
  }
}

interface Execution {
  readonly instance: Id;
  readonly exec: string;
  readonly mark: string;
  readonly command: Command;
  readonly socket: Socket;
  readonly ended: Promise<void>;
  readonly signal: AbortSignal | undefined;
}

async function create(context: Context, instance: Id, command: Command, mark: string): Promise<string> {
  const { argv, env = {}, user, workdir } = command;
  const body = {
    AttachStdout: true,
    AttachStderr: true,
    Cmd: argv,
    Env: Object.entries({ ...env, [commandMark]: mark }).map(([name, value]) => `${name}=${value}`),
    ...(user === undefined ? {} : { User: user }),
    ...(workdir === undefined ? {} : { WorkingDir: workdir }),
  };
  const path = `/containers/${containerName(context.places, instance)}/exec`;
  const { Id: exec } = await unlessGone(instance, context.client.call<{ Id: string }>({ method: 'POST', path, body }));
  return exec;
}

const start = async ({ client }: Context, exec: string, instance: Id): Promise<Socket> =>
  await unlessGone(
    instance,
    client.hijack({ method: 'POST', path: `/exec/${exec}/start`, body: { Detach: false, Tty: false } }),
  );

async function unlessGone<T>(instance: Id, asking: Promise<T>): Promise<T> {
  try {
    return await asking;
  } catch (error) {
    if (isRefusal(error, 404, 409)) throw new MinkeError('INSTANCE_NOT_FOUND', { instance }, { cause: error });
    throw error;
  }
}

/** Kills it when its time is up or nobody wants it any more; what is there by then is dead when this resolves. */
async function untilEnded(context: Context, execution: Execution): Promise<Pick<CommandEnd, 'code' | 'cause'>> {
  const { command, socket, ended, signal } = execution;
  const { clock, closing } = context;
  const over = new AbortController();
  const given = signal === undefined ? [over.signal, closing.signal] : [over.signal, closing.signal, signal];
  const late = clock.sleep(command.timeoutMs, AbortSignal.any(given)).then(
    () => 'late',
    () => 'late',
  );
  const closed = new Promise<void>((resolve) => void socket.once('close', resolve).once('end', resolve));
  // What it left running may hold the stream for long; what could not be started has no end that is told of.
  const first = await Promise.race([ended, closed.then(async () => await untilStopped(context, execution)), late]);
  over.abort();
  if (first !== 'late') {
    // The engine has closed them by now, and what is under way is still to be read.
    const unreadMs = 2000;
    const read = new AbortController();
    await Promise.race([closed, clock.sleep(unreadMs, read.signal).catch(() => undefined)]);
    read.abort();
    socket.destroy();
    return { code: await codeOf(context, execution), cause: 'exited' };
  }
  await killExecution(context, execution);
  socket.destroy();
  signal?.throwIfAborted();
  closing.signal.throwIfAborted();
  return { code: await codeOf(context, execution), cause: 'timed-out' };
}

/** The end of its streams comes a moment before its own. */
async function untilStopped(context: Context, { exec, ended }: Execution): Promise<void> {
  const lookAgainMs = 50;
  while ((await inspect(context, exec))?.Running === true) {
    await Promise.race([ended, context.clock.sleep(lookAgainMs)]);
  }
}

async function inspect({ client }: Context, exec: string): Promise<InspectedCommand | undefined> {
  try {
    return await client.call<InspectedCommand>({ method: 'GET', path: `/exec/${exec}/json` });
  } catch (error) {
    // It went with its container.
    if (isRefusal(error, 404)) return undefined;
    throw error;
  }
}

const codeOf = async (context: Context, { exec }: Execution): Promise<number> =>
  (await inspect(context, exec))?.ExitCode ?? killed;

async function killExecution(context: Context, execution: Execution): Promise<void> {
  const { instance, exec, mark } = execution;
  const [first, own] = [
    await inspectContainer(context, containerName(context.places, instance)),
    await pidOf(context, exec),
  ];
  const pid = first?.State.Pid ?? 0;
  if (own === undefined || pid === 0) return;
  // A shell would say of its children that they were killed.
  const stop = 19;
  signalProcess(own, startTicks(own) ?? 0, stop);
  await killCommand({ group: groupOf(pid), pid: own, mark });
  await untilStopped(context, execution);
}

/** Of its first process, which may only be about to come; undefined when it is over. */
async function pidOf(context: Context, exec: string): Promise<number | undefined> {
  const lookAgainMs = 20;
  for (;;) {
    const found = await inspect(context, exec);
    if (found === undefined || !found.Running) return undefined;
    if (found.Pid > 0) return found.Pid;
    await context.clock.sleep(lookAgainMs);
  }
}

/** The cgroup of a container, by its first process (cgroups(7)): below the root, or below the controller that counts processes. */
export function groupOf(pid: number): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  const found =
    lines.find((line) => line.split(':')[1]?.split(',').includes('pids')) ??
    lines.find((line) => line.startsWith('0::'));
  return found?.split(':').slice(2).join(':') ?? '';
}

function readLast(socket: Socket, most: number): () => Buffer {
  let kept = Buffer.alloc(0);
  const parse = frameParser((_, bytes) => {
    kept = Buffer.concat([kept, bytes]);
    kept = kept.subarray(Math.max(0, kept.length - most));
  });
  socket.on('data', parse);
  return () => kept;
}

/** What the engine says of a program that it could not start stands where the program's own output would. */
function toEnd({ code, cause }: Pick<CommandEnd, 'code' | 'cause'>, output: Buffer): CommandEnd {
  const couldNotStart = 126;
  const isRefused = code >= couldNotStart && output.toString('latin1', 0, 100).startsWith('OCI runtime exec failed');
  if (!isRefused || cause !== 'exited') return { code, cause, output };
  const isMissing = /not found|no such file/i.test(output.toString());
  return { code: isMissing ? couldNotStart + 1 : couldNotStart, cause, output };
}
