import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { MinkeError } from '../../errors/index.ts';
import type { Id } from '../../model/ids.ts';
import type { InstanceExit, InstanceSpec } from '../../model/instance.ts';
import { untilSuccess } from '../../observe/until-success.ts';
import type { Seat } from '../local/seat.ts';
import type { InspectedContainer } from './api/types.ts';
import { inspectContainer, removeContainer } from './containers.ts';
import type { Context } from './context.ts';
import type { LiveOutput } from './live-output.ts';
import { containerName, holderName } from './places.ts';
import type { InstanceRecord } from './record.ts';
import type { Result } from './result.ts';

export interface End {
  readonly record: InstanceRecord;
  readonly seat: Seat;
  readonly stopping: { readonly isAsked: boolean };
  readonly result: Result | undefined;
  readonly live: LiveOutput | undefined;
  readonly isSeen: boolean;
}

/** Gives back all that it held, but for the output of a lasting one, and tells how it ended. */
export async function settle(context: Context, end: End): Promise<InstanceExit> {
  const { record, seat, result, live } = end;
  const { id } = record.summary;
  const name = containerName(context.places, id);
  const giving = async <T>(action: () => Promise<T>): Promise<T | undefined> =>
    await action().catch((error: unknown) => {
      if (!context.closing.signal.aborted)
        context.log.error('What an instance held could not be given back', { instance: id, error });
      return undefined;
    });
  const found = await untilAnswered(context, async () => await inspectContainer(context, name));
  const isFull = (await giving(async () => await result?.isTooLarge())) === true;
  await giving(async () => await removeHolder(context, { id, network: seat.slot === undefined ? 'none' : 'app' }));
  const verdict = await giving(async () => await seat.leave());
  const exit = exitOf(context, end, found, verdict ?? (isFull ? 'result-limit' : undefined));
  if (record.streams === 'logs') await giving(async () => context.exits.keep(id, exit, await lineEnds(context, live)));
  else await giving(async () => await forgetContainer(context, id));
  rmSync(join(context.places.live, id), { recursive: true, force: true });
  return exit;
}

/** It stays where it is the last that had a kept root. */
export async function forgetContainer(context: Context, id: Id): Promise<void> {
  if (!(await context.rootLives.release(id))) await removeContainer(context, containerName(context.places, id));
}

export async function removeHolder(
  context: Context,
  { id, network }: Pick<InstanceSpec, 'id' | 'network'>,
): Promise<void> {
  if (network === 'app') await removeContainer(context, holderName(context.places, id));
}

/** What it wrote last may be under way. */
async function lineEnds({ clock }: Context, live: LiveOutput | undefined): Promise<LiveOutput['ended']> {
  const waitMs = 2000;
  const read = new AbortController();
  await Promise.race([live?.over, clock.sleep(waitMs, read.signal).catch(() => undefined)]);
  read.abort();
  return live?.ended ?? [];
}

/** A code of 255 that was found after an interruption is the engine's word for one that it does not know. */
function exitOf(
  { clock }: Context,
  { stopping, isSeen }: End,
  found: InspectedContainer | undefined,
  verdict: InstanceExit['cause'] | undefined,
): InstanceExit {
  const unknown = 255;
  const state = found?.State;
  const code = state?.ExitCode ?? unknown;
  const at = Date.parse(state?.FinishedAt ?? '');
  const isLost = state === undefined || (!isSeen && code === unknown);
  const told = verdict ?? (state?.OOMKilled === true ? 'out-of-memory' : stopping.isAsked ? 'stopped' : 'exited');
  return { code, cause: isLost ? 'lost' : told, at: at > 0 ? at : clock.now() };
}

/** The engine may be being restarted. */
async function untilAnswered<T>({ clock, closing }: Context, ask: () => Promise<T>): Promise<T> {
  const onFailure = (error: unknown): void => {
    if (!(error instanceof MinkeError)) throw error;
  };
  const pauses = { first: 50, longest: 2000 };
  return await untilSuccess(ask, { clock, signal: closing.signal, pauses, onFailure });
}
