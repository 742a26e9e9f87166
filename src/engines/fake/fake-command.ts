import type { PassThrough } from 'node:stream';
import { MinkeError } from '../../errors/index.ts';
import { newId, type Id } from '../../model/ids.ts';
import type { Clock } from '../../observe/clock.ts';
import type { Attachment } from '../command.ts';
import type { Command, CommandEnd } from '../engine.ts';
import { behaviourOfCommand, sleepUnbounded, type FakeScript } from './behaviour.ts';
import { startFakeInstance, type FakeInstance, type FakeInstanceOptions } from './fake-instance.ts';

export interface CommandMeans {
  readonly id: Id;
  readonly clock: Clock;
  readonly script: FakeScript;
  readonly pid: () => number;
  readonly network: FakeInstanceOptions['network'];
  readonly signal: AbortSignal | undefined;
}

/** Runs what the script says of the command's `argv`; it ends with its instance, by its time-out, or on abort. */
export async function executeCommand(
  host: FakeInstance | undefined,
  command: Command,
  { id, clock, script, pid, network, signal }: CommandMeans,
): Promise<CommandEnd> {
  signal?.throwIfAborted();
  if (host === undefined || host.exit() !== undefined) throw new MinkeError('INSTANCE_NOT_FOUND', { instance: id });
  const spec = {
    ...host.spec,
    ...specOf(command, host.spec.env),
    id: newId(),
    kind: 'task',
    streams: command.attached === undefined ? 'logs' : 'pipes',
    stdin: command.attached?.stdin ?? 'none',
  } as const;
  const behaviour = behaviourOfCommand(script, spec);
  if (behaviour.failStart !== undefined)
    return { code: 127, cause: 'exited', output: Buffer.from(behaviour.failStart) };
  const process = startFakeInstance({
    spec,
    behaviour,
    clock,
    pid: pid(),
    address: host.address,
    network,
  });
  attach(command.attached, process);
  const kill = (): void => process.signal(9);
  const over = new AbortController();
  let isLate = false;
  sleepUnbounded(clock, command.timeoutMs, over.signal).then(
    () => {
      isLate = true;
      kill();
    },
    () => undefined,
  );
  void host.exited.then(kill);
  signal?.addEventListener('abort', kill, { once: true });
  const { code } = await process.exited;
  over.abort();
  signal?.removeEventListener('abort', kill);
  signal?.throwIfAborted();
  return { code, cause: isLate ? 'timed-out' : 'exited', output: await lastOf(process, command.outputBytes) };
}

/** It has no terminal: what it writes to stderr comes on stdout where one was asked for. */
function attach(attached: Attachment | undefined, { pid, stdin, stdout, stderr }: FakeInstance): void {
  if (attached === undefined || stdout === undefined || stderr === undefined) return;
  if (attached.terminal !== undefined) stderr.pipe(stdout as PassThrough, { end: false });
  attached.begun({
    pid,
    ...(stdin === undefined ? {} : { stdin }),
    stdout,
    ...(attached.terminal === undefined ? { stderr } : {}),
    resize: () => attached.terminal !== undefined,
  });
}

const specOf = ({ argv, env, user, workdir }: Command, own: Readonly<Record<string, string>>) => ({
  argv,
  env: { ...own, ...env },
  ...(user === undefined ? {} : { user }),
  ...(workdir === undefined ? {} : { workdir }),
});

async function lastOf({ output }: FakeInstance, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const { bytes } of output.read({})) chunks.push(bytes);
  const all = Buffer.concat(chunks);
  return all.subarray(Math.max(0, all.length - most));
}
