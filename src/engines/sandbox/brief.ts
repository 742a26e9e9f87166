import { closeSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { openPipes, type Pipe } from '../../linux/pipe.ts';
import type { DescriptorSource } from '../../linux/process.ts';
import type { Id } from '../../model/ids.ts';
import type { InstanceExit, InstanceLimits, InstanceSpec } from '../../model/instance.ts';
import { watchClosedOutput } from './closed-output.ts';
import type { Context } from './context.ts';
import { instanceFolder } from './places.ts';
import { dropLayer, endUnwatched, prepareBundle, starterLost, startFailure } from './prepare.ts';
import { recordOf, type InstanceRecord } from './record.ts';
import { runCommand } from './runtime/commands.ts';
import { takeSeat, type Seat } from '../local/seat.ts';
import { isStarterLost } from '../local/starter/client.ts';
import { unlessStarted } from '../local/host/unless-started.ts';

/** An instance whose container lives, however it was started. */
export interface Running {
  readonly record: InstanceRecord;
  readonly address: string | undefined;
  /** Its folder on the host. */
  readonly home: string;
  /** Of all its processes: the cgroup around its container's. */
  readonly group: string;
  /** Sets other limits around them. */
  readonly limit: (limits: InstanceLimits) => Promise<void>;
  readonly stdin?: Writable;
  readonly stdout?: Readable;
  readonly stderr?: Readable;
  /** Set by whoever ends it, so that its end is told as `stopped`. */
  readonly stopping: { isAsked: boolean };
  /** Resolves when it is gone with all it held. */
  readonly ended: Promise<InstanceExit>;
}

/** Starts an instance with plain pipes, which ends with the daemon: the quick way, for one request. */
export async function startBrief(context: Context, spec: InstanceSpec): Promise<Running> {
  const home = instanceFolder(context.places, spec.id, 'pipes');
  const seat = await takeSeat(context, spec, { folder: home });
  const stopping = { isAsked: false };
  const tidy = async (): Promise<InstanceExit['cause']> => {
    rmSync(home, { recursive: true, force: true });
    if (!spec.readOnlyRoot) await dropLayer(context, spec);
    return (await seat.leave()) ?? (stopping.isAsked ? 'stopped' : 'exited');
  };
  const giveBack = async (error: unknown): Promise<void> => {
    if (isStarterLost(error))
      await givingBack(context, spec.id, async () => await endUnwatched(context, spec.id, seat));
    await tidy();
  };
  return await unlessStarted(giveBack, async () => {
    await prepareBundle(context, spec, seat, home);
    return { ...(await launch(context, spec, seat, home, tidy)), stopping };
  });
}

async function launch(
  context: Context,
  spec: InstanceSpec,
  seat: Seat,
  home: string,
  tidy: () => Promise<InstanceExit['cause']>,
): Promise<Omit<Running, 'stopping'>> {
  const [output, errors, input] = openPipes(spec.stdin === 'open' ? 3 : 2);
  try {
    const started = await context.starter.start({
      ...runCommand(context.runtime, context.places.memory, spec.id, home),
      descriptors: [childEnd(input, 'read'), childEnd(output, 'write'), childEnd(errors, 'write')],
      outlives: false,
    });
    if ((await started.announced) === undefined) {
      throw (await started.ended) === undefined ? starterLost(spec.name) : startFailure(context, spec.name, home);
    }
    const { name: runtime } = context.runtime;
    const stdout = reader(output);
    watchClosedOutput(stdout, output?.read ?? -1, seat.group.path);
    const record = recordOf(spec, { slot: seat.slot, startedAt: context.clock.now(), runtime });
    return {
      record,
      address: seat.address,
      home,
      group: seat.group.path,
      limit: seat.group.limit,
      ...(input === undefined ? {} : { stdin: writer(input) }),
      stdout,
      stderr: reader(errors),
      ended: started.ended.then(async (code) => {
        if (code === undefined) return await lose(context, spec, seat, tidy);
        const cause = (await givingBack(context, spec.id, tidy)) ?? 'exited';
        return { code, cause, at: context.clock.now() };
      }),
    };
  } catch (error) {
    for (const end of [input?.write, output?.read, errors?.read]) if (end !== undefined) closeSync(end);
    throw error;
  } finally {
    for (const end of [input?.read, output?.write, errors?.write]) if (end !== undefined) closeSync(end);
  }
}

/** The starter ended before it. The container is killed, unless the whole engine is letting go: recovery will see to it. */
async function lose(
  context: Context,
  spec: InstanceSpec,
  seat: Seat,
  tidy: () => Promise<unknown>,
): Promise<InstanceExit> {
  if (!context.closing.signal.aborted) {
    await givingBack(context, spec.id, async () => await endUnwatched(context, spec.id, seat));
    await givingBack(context, spec.id, tidy);
  }
  return { code: 255, cause: 'lost', at: context.clock.now() };
}

/** That something could not be given back is no reason not to tell of the end; the next life of the daemon finds it. */
export async function givingBack<T>(context: Context, instance: Id, give: () => Promise<T>): Promise<T | undefined> {
  try {
    return await give();
  } catch (error) {
    context.log.error('What an instance held could not be given back', { instance, error });
    return undefined;
  }
}

/** The other process opens our pipe by its name, so no descriptor has to travel. */
export function childEnd(pipe: Pipe | undefined, access: 'read' | 'write'): DescriptorSource {
  return { path: pipe === undefined ? '/dev/null' : `/proc/${process.pid}/fd/${pipe[access]}`, access };
}

export const writer = (pipe: Pipe): Writable => new Socket({ fd: pipe.write, readable: false, writable: true });

export function reader(pipe: Pipe | undefined): Readable {
  return new Socket({ fd: pipe?.read ?? -1, readable: true, writable: false });
}
