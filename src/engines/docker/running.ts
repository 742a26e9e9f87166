import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { startTicks, type ProcessName } from '../../linux/proc.ts';
import { resizeTerminalOf } from '../../linux/terminal.ts';
import type { InstanceExit, InstanceLimits, InstanceSpec } from '../../model/instance.ts';
import { groupForOthers } from '../local/host/cgroups.ts';
import { etcFiles } from '../local/etc-files.ts';
import { makeOwnFiles } from '../local/own-files.ts';
import { takeSeat, type Seat } from '../local/seat.ts';
import { resolveUser } from '../local/users.ts';
import { rawStream, splitStreams } from './api/frames.ts';
import type { InspectedContainer } from './api/types.ts';
import { containerConfig, detachKeys, limitsOf } from './container-config.ts';
import { createOf, inspectContainer, removeContainer, startContainer, startFailure } from './containers.ts';
import type { Context } from './context.ts';
import { groupOf } from './group.ts';
import { startHolder } from './holder.ts';
import { keepLive, type LiveOutput } from './live-output.ts';
import { containerName, holderName } from './places.ts';
import { labels, ownLabels, recordOf, type InstanceRecord } from './record.ts';
import { watchResult } from './result.ts';
import type { NextLife } from './root-lives.ts';
import { removeHolder, settle } from './settling.ts';
import { volumeMounts } from './root-volumes.ts';

/** An instance whose container lives, started now or adopted. */
export interface Running {
  readonly record: InstanceRecord;
  readonly address: string | undefined;
  readonly startedAt: number;
  readonly stdin?: Writable;
  readonly stdout?: Readable;
  readonly stderr?: Readable;
  /** What it writes, as it comes; absent where its output is read elsewhere, or from another life of the daemon on. */
  readonly live?: LiveOutput;
  /** Its first process, and the cgroup of its container; undefined where it ended at once. */
  readonly process: (ProcessName & { readonly group: string }) | undefined;
  readonly pausing: { isOn: boolean };
  limit(limits: InstanceLimits): Promise<void>;
  /** Set by whoever ends it, so that its end is told as `stopped`. */
  readonly stopping: { isAsked: boolean };
  /** Resolves when it is gone with all it held, but for the output of a lasting one. Never when the engine lets go first. */
  readonly ended: Promise<InstanceExit>;
}

/** All that a start takes is given back when it fails, the last first. */
export async function startInstance(context: Context, spec: InstanceSpec): Promise<Running> {
  await using taken = new AsyncDisposableStack();
  const { places, log } = context;
  const giveBack = (what: string, action: () => Promise<unknown>): void =>
    taken.defer(async () => {
      await action().catch((error: unknown) => log.warn('cannot give back', { what, instance: spec.id, error }));
    });
  const name = containerName(places, spec.id);
  const home = join(places.live, spec.id);
  const loaded = await context.images.ensure(spec.image);
  const life = await beginRoot(context, spec, loaded);
  giveBack('its root', async () => life && (await context.rootLives.abandon(life)));
  const image = life?.image ?? loaded;
  giveBack('its holder', async () => await removeHolder(context, spec));
  const from = spec.network === 'app' ? await startHolder(context, spec, loaded) : undefined;
  const seat = await takeSeat(context, spec, from === undefined ? { folder: home } : { folder: home, from });
  giveBack('its seat', async () => {
    // First: as long as it lives, so does the link that the next one in this place is to have.
    await removeHolder(context, spec);
    await seat.leave();
  });
  giveBack('its folder', async () => rmSync(home, { recursive: true, force: true }));
  const record = recordOf(spec, seat.slot);
  const config = prepare(context, { spec, seat, record, image, home, life });
  giveBack('its container', async () => await removeContainer(context, name));
  await createOf(context, spec, name, config);
  const streams = await attach(context, spec, name);
  const over = context.ends.of(name);
  giveBack('its end', async () => context.ends.forget(name));
  await startContainer(context, name, spec.name);
  const found = await inspectContainer(context, name);
  if (found === undefined) throw startFailure(spec.name, new Error('its container was removed'));
  taken.move();
  if (life !== undefined) await context.rootLives.take(life, { container: name, instance: spec.id });
  const running = observe(context, { record, seat, found, over, live: streams.live });
  // Engines before API 1.42 know of no first size.
  if (spec.terminal !== undefined && running.process !== undefined)
    resizeTerminalOf(running.process.pid, spec.terminal);
  // Nobody reads what is written to it any more; the engine would keep the connection.
  void running.ended.then(() => streams.stdin?.destroy());
  return { ...running, ...streams };
}

/** @throws INSTANCE_START_FAILED */
async function beginRoot(
  { rootLives }: Context,
  { root, name, image }: InstanceSpec,
  loaded: string,
): Promise<NextLife | undefined> {
  if (root === undefined) return undefined;
  return await rootLives.begin(root, image, loaded).catch((error: unknown) => {
    throw startFailure(name, error);
  });
}

export interface Observation {
  readonly record: InstanceRecord;
  readonly seat: Seat;
  readonly found: InspectedContainer;
  readonly over: ReturnType<Context['ends']['of']>;
  readonly live?: LiveOutput | undefined;
}

/** Watches a container to its end. */
export function observe(context: Context, { record, seat, found, over, live }: Observation): Running {
  const stopping = { isAsked: false };
  const result = watchResult(context, record, found.Config.Tty);
  return {
    record,
    address: seat.address,
    startedAt: Date.parse(found.State.StartedAt),
    process: processOf(found),
    pausing: { isOn: found.State.Status === 'paused' },
    limit: context.hasOwnGroups ? seat.group.limit : async (limits) => await limitContainer(context, record, limits),
    stopping,
    ended: over.then(async ({ isSeen }) => await settle(context, { record, seat, stopping, result, live, isSeen })),
  };
}

function processOf({ State: { Pid: pid } }: InspectedContainer): Running['process'] {
  const ticks = pid === 0 ? undefined : startTicks(pid);
  if (ticks === undefined) return undefined;
  try {
    return { pid, ticks, group: groupOf(pid) };
  } catch {
    return undefined; // It ended meanwhile.
  }
}

async function limitContainer({ client, places }: Context, { summary }: InstanceRecord, limits: InstanceLimits) {
  const path = `/containers/${containerName(places, summary.id)}/update`;
  await client.call({ method: 'POST', path, body: limitsOf(limits) });
}

interface Preparation {
  readonly spec: InstanceSpec;
  readonly seat: Seat;
  readonly record: InstanceRecord;
  readonly image: string;
  readonly home: string;
  /** Where it has a kept root. */
  readonly life: NextLife | undefined;
}

/** Writes the files that it is shown, and answers how its container is to be made. */
function prepare({ places, hasOwnGroups }: Context, preparation: Preparation): object {
  const { spec, seat, record, image, home, life } = preparation;
  const isTaken = (target: string): boolean => spec.mounts.some((mount) => mount.target === target);
  mkdirSync(home, { mode: 0o700 });
  const etc = etcFiles(spec, seat);
  for (const [file, content] of Object.entries(etc)) writeFileSync(join(home, file), content);
  const user = resolveUser(spec.user, spec.image.rootPath, spec.settings?.groups);
  return containerConfig(spec, {
    image,
    labels: {
      ...spec.labels,
      ...ownLabels(places, spec, 'instance'),
      ...life?.labels,
      [labels.record]: JSON.stringify(record),
    },
    volumes: life === undefined ? [] : volumeMounts(places.owner, life.root, life.volumes, isTaken),
    holder: spec.network === 'app' ? holderName(places, spec.id) : undefined,
    cgroup: hasOwnGroups ? groupForOthers(seat.group.path) : undefined,
    files: makeOwnFiles(spec.files ?? [], user, home, home),
    etcFiles: Object.fromEntries(Object.keys(etc).map((file) => [`/etc/${file}`, join(home, file)])),
  });
}

/** Before the start, so that no byte is missed. Input has a connection of its own, which can end alone. */
async function attach(
  { client, clock }: Context,
  spec: InstanceSpec,
  name: string,
): Promise<Pick<Running, 'stdin' | 'stdout' | 'stderr' | 'live'>> {
  const connectTo = async (...streams: readonly string[]) =>
    await client.hijack({
      method: 'POST',
      path: `/containers/${name}/attach`,
      query: { stream: '1', detachKeys, ...Object.fromEntries(streams.map((stream) => [stream, '1'])) },
    });
  const socket = await connectTo('stdout', 'stderr');
  const output = spec.terminal === undefined ? splitStreams(socket) : { stdout: rawStream(socket) };
  const taken = spec.streams === 'pipes' ? output : { live: keepLive(output, () => socket.destroy(), clock) };
  if (spec.stdin === 'none') return taken;
  const stdin = await connectTo('stdin');
  stdin.resume();
  return { ...taken, stdin };
}
