import { closeSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { makeFifo, openPipe } from '../../linux/pipe.ts';
import { signalProcess } from '../../linux/proc.ts';
import type { InstanceExit, InstanceSpec } from '../../model/instance.ts';
import { childEnd, givingBack, writer, type Running } from './brief.ts';
import type { Context } from './context.ts';
import { readExitCode } from './exit-code.ts';
import { fullName } from './logs/frame.ts';
import { instanceFolder } from './places.ts';
import { dropLayer, endUnwatched, prepareBundle, starterLost, startFailure } from './prepare.ts';
import { containerOf, recordOf, type InstanceRecord } from './record.ts';
import { runCommand } from './runtime/commands.ts';
import { failureIn, firstProcess } from './runtime/containers.ts';
import { takeSeat, type Seat } from '../local/seat.ts';
import { isStarterLost } from '../local/starter/client.ts';
import { unlessStarted } from '../local/host/unless-started.ts';

const kill = 9;

/**
 * Starts an instance that outlives the daemon. The runtime runs under one shell line in a session of its own, which holds
 * the FIFOs open for reading and writing (so that a reader may die and another may come) and writes the exit
 * code; the log writer reads the FIFOs.
 */
export async function startLasting(context: Context, spec: InstanceSpec): Promise<Running> {
  const home = instanceFolder(context.places, spec.id, 'logs');
  const seat = await takeSeat(context, spec, { folder: home });
  const aside = join(context.places.live, `.${spec.id}`);
  const giveBack = async (error: unknown): Promise<void> => {
    if (isStarterLost(error))
      await givingBack(context, spec.id, async () => await endUnwatched(context, spec.id, seat));
    for (const folder of [aside, home]) rmSync(folder, { recursive: true, force: true });
    await seat.leave();
    context.exits.forget(spec.id);
    if (!spec.readOnlyRoot) await dropLayer(context, spec);
  };
  return await unlessStarted(giveBack, async () => {
    const { name: runtime } = context.runtime;
    const record = recordOf(spec, { slot: seat.slot, startedAt: context.clock.now(), runtime });
    await prepareBundle(context, spec, seat, aside, home);
    for (const stream of ['stdout', 'stderr']) makeFifo(join(aside, stream));
    writeFileSync(join(aside, 'instance.json'), JSON.stringify(record));
    mkdirSync(join(context.places.logs, spec.id), { recursive: true });
    // Complete the moment it can be seen: the log writer opens the FIFOs as soon as the folder has its name.
    await rename(aside, home);
    await context.logWriter.ensure();
    const stdin = await launch(context, spec, home);
    return { ...observe(context, record, seat), ...(stdin === undefined ? {} : { stdin }) };
  });
}

/**
 * Watches a lasting instance to its end. An adopted one may have been starting when its daemon died: the runtime then lost
 * its way to the namespaces and to the starter, which went through their processes, and its exit code is not the program's.
 */
export function observe(context: Context, record: InstanceRecord, seat: Seat, { isAdopted = false } = {}): Running {
  const { id } = record.summary;
  const home = instanceFolder(context.places, id, 'logs');
  const stopping = { isAsked: false };
  const endFull = (): void => {
    const found = firstProcess(context.places.memory, containerOf(record));
    if (found !== undefined) signalProcess(found.pid, found.ticks, kill);
  };
  const ended = context.ends.of(id, endFull).then(async () => {
    const hasRuntimeFailed = (): boolean => failureIn(home, containerOf(record).runtime) !== undefined;
    const code = isAdopted && hasRuntimeFailed() ? undefined : readExitCode(home);
    const isFull = existsSync(join(context.places.ended, fullName(id)));
    const verdict = await givingBack(context, id, async () => await seat.leave());
    if (record.hasWritableLayer) await givingBack(context, id, async () => await dropLayer(context, { id, ...record }));
    const cause = verdict ?? (isFull ? 'result-limit' : stopping.isAsked ? 'stopped' : 'exited');
    const exit: InstanceExit = {
      code: code ?? 255,
      cause: code === undefined ? 'lost' : cause,
      at: context.clock.now(),
    };
    context.exits.keep(id, exit);
    return exit;
  });
  return { record, address: seat.address, home, group: seat.group.path, limit: seat.group.limit, stopping, ended };
}

// It says who it is before all else, so that the next life of the daemon need not look for it among all processes.
// The first two opens wait until the log writer reads: what a FIFO holds is lost when the last who has it open goes.
const shellLine = `home=$1; shift; echo $$ >"$home/keeper"
exec 5>"$home/stdout" 6>"$home/stderr" 3<>"$home/stdout" 4<>"$home/stderr" 5>&- 6>&-
"$@" >&3 2>&4 3>&- 4>&-
echo $? >"$home/exit"`;

// The same with a terminal: what it is, the runtime carries on into the terminal that it makes in the container. Whoever copies
// holds no end of the terminal but the one that stands for keyboard and screen, which tells its end when the last other one goes.
const terminalShellLine = `home=$1; shift; echo $$ >"$home/keeper"
exec 6>"$home/stdout" 7>"$home/stderr" 8<>"$home/stdout" 9<>"$home/stderr" 6>&- 7>&-
cat <&3 >&8 2>/dev/null 3<&- 4<&- 5>&- 8>&- 9>&- & output=$!
cat <&4 >&3 2>/dev/null 3<&- 4<&- 5>&- 8>&- 9>&- & input=$!
"$@" 3>&- 4>&- 5>&- 8>&- 9>&-
code=$?; exec </dev/null >/dev/null 2>&1; wait $output; kill $input
echo $code >"$home/exit"`;

async function launch(context: Context, spec: InstanceSpec, home: string): Promise<Writable | undefined> {
  const input = spec.stdin === 'open' ? openPipe() : undefined;
  const run = runCommand(context.runtime, context.places.memory, spec.id, home);
  const started = await context.starter
    .start({
      ...run,
      argv: ['/bin/sh', '-c', spec.terminal === undefined ? shellLine : terminalShellLine, 'minke', home, ...run.argv],
      descriptors: [
        childEnd(input, 'read'),
        { path: '/dev/null', access: 'write' },
        { path: '/dev/null', access: 'write' },
      ],
      ...(spec.terminal === undefined ? {} : { terminal: spec.terminal }),
      outlives: true,
    })
    .finally(() => {
      if (input !== undefined) closeSync(input.read);
    });
  const stdin = input === undefined ? undefined : writer(input);
  if ((await started.announced) !== undefined) return stdin;
  stdin?.destroy();
  throw (await started.ended) === undefined ? starterLost(spec.name) : startFailure(context, spec.name, home);
}
