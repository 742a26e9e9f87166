import type { Socket } from 'node:net';
import { signalProcess, startTicks } from '../../linux/proc.ts';
import type { Id } from '../../model/ids.ts';
import { killCommand } from '../local/command-processes.ts';
import { isRefusal } from './api/client.ts';
import type { InspectedCommand } from './api/types.ts';
import { inspectContainer } from './containers.ts';
import type { Context } from './context.ts';
import { groupOf } from './group.ts';
import { containerName } from './places.ts';

/** A command that the engine was told to start: what it says of it, and how to end it. */
export interface Execution {
  readonly instance: Id;
  /** The engine's id. */
  readonly exec: string;
  readonly mark: string;
  readonly socket: Socket;
  /** Its streams have ended. */
  readonly closed: Promise<void>;
  /** The engine said that it has ended, or was found to be without it. */
  readonly ended: Promise<void>;
}

/** Of a program that SIGKILL ended. */
const killed = 137;

export const codeOf = async (context: Context, { exec }: Execution): Promise<number> =>
  (await inspect(context, exec))?.ExitCode ?? killed;

/** Of its first process, also of one that has ended; undefined where it could not be started. It may only be about to be. */
export async function pidOf(context: Context, { exec, closed }: Execution): Promise<number | undefined> {
  const lookAgainMs = 20;
  let isClosed = false;
  void closed.then(() => (isClosed = true));
  for (;;) {
    const isLast = isClosed;
    const found = await inspect(context, exec);
    if (found !== undefined && found.Pid > 0) return found.Pid;
    if (found === undefined || found.ExitCode !== null || isLast) return undefined;
    await context.clock.sleep(lookAgainMs);
  }
}

/** The end of its streams comes a moment before its own. */
export async function untilStopped(context: Context, { exec, ended }: Execution): Promise<void> {
  const lookAgainMs = 50;
  while ((await inspect(context, exec))?.Running === true) {
    await Promise.race([ended, context.clock.sleep(lookAgainMs)]);
  }
}

/** With all that it started. */
export async function killExecution(context: Context, execution: Execution): Promise<void> {
  const { instance, exec, mark } = execution;
  const own = await pidOf(context, execution);
  const first = (await inspectContainer(context, containerName(context.places, instance)))?.State.Pid ?? 0;
  if (own === undefined || first === 0 || (await inspect(context, exec))?.Running !== true) return;
  // A shell would say of its children that they were killed.
  const stop = 19;
  signalProcess(own, startTicks(own) ?? 0, stop);
  await killCommand({ group: groupOf(first), pid: own, mark });
  await untilStopped(context, execution);
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
