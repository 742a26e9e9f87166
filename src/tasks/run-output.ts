import { MinkeError } from '../errors/index.ts';
import type { LogChunk, LogOptions } from '../engines/engine.ts';
import { shortId, type Id } from '../model/ids.ts';
import { isSettled, type Run } from '../model/run.ts';
import type { Changes } from './changes.ts';
import type { Launcher } from './launcher.ts';

/** What the readers of a run's output need to know about it. */
export interface OutputSources {
  readonly launcher: Launcher;
  readonly changes: Changes;
  /** @throws RUN_NOT_FOUND */
  readonly find: (id: Id) => Promise<Run>;
  /** Its living instance. */
  readonly instance: (id: Id) => Id | undefined;
}

export interface RunLogOptions extends LogOptions {
  /** Only what this attempt wrote, from 1; absent = the one under way, or the last. */
  readonly attempt?: number;
}

/**
 * What the run wrote. With `follow`, waits for its instance, for that of the next attempt where there is one, and ends
 * when the run is settled; without, tells what there is.
 */
export async function* readLogs(sources: OutputSources, id: Id, options: RunLogOptions): AsyncGenerator<LogChunk> {
  refuseRemoved(await sources.find(id));
  if (options.attempt !== undefined) {
    const instance = instanceOfAttempt(await sources.find(id), options.attempt);
    if (instance !== undefined) yield* readInstance(sources.launcher, instance, options);
    return;
  }
  const read = new Set<Id>();
  for (;;) {
    const next = await nextInstance(sources, id, read, options);
    if (next?.instance === undefined) return;
    read.add(next.instance);
    yield* readInstance(sources.launcher, next.instance, options);
    if (options.follow !== true) return;
  }
}

/** stdout, byte for byte. @throws RUN_STATE before the run is settled, RESULT_TOO_LARGE when its beginning was not kept. */
export async function* readResult(sources: OutputSources, id: Id): AsyncGenerator<Buffer> {
  const run = await sources.find(id);
  const { state, instance } = run;
  refuseRemoved(run);
  if (!isSettled(state)) throw new MinkeError('RUN_STATE', { action: 'read the result of', run: id, state });
  if (instance === undefined) return;
  for await (const { bytes } of readInstance(sources.launcher, instance, { streams: ['stdout'], isWhole: true }))
    yield bytes;
}

/** What had to make room must not be taken for what was never written. */
function refuseRemoved({ id, isOutputRemoved }: Run): void {
  if (isOutputRemoved === true) throw new MinkeError('OUTPUT_REMOVED', { run: shortId(id) });
}

/** Undefined where it never had one. @throws BAD_REQUEST for an attempt that was not made. */
function instanceOfAttempt({ id, attempts, failures = [], instance }: Run, attempt: number): Id | undefined {
  if (attempt === attempts) return instance;
  const failed = failures.find((one) => one.attempt === attempt);
  if (failed !== undefined) return failed.instance;
  throw new MinkeError('BAD_REQUEST', {
    reason: `the run ${shortId(id)} has had ${attempts} attempts, and none is ${attempt}`,
  });
}

/** The instance to read next, none when there will be none; undefined once aborted. */
async function nextInstance(
  { changes, find, instance }: OutputSources,
  id: Id,
  read: ReadonlySet<Id>,
  { follow, signal }: LogOptions,
): Promise<{ readonly instance: Id | undefined } | undefined> {
  const unread = (candidate: Id | undefined): Id | undefined =>
    candidate === undefined || read.has(candidate) ? undefined : candidate;
  const look = async (): Promise<{ readonly instance: Id | undefined } | undefined> => {
    const living = unread(instance(id));
    if (living !== undefined) return { instance: living };
    const row = await find(id);
    if (isSettled(row.state)) return { instance: unread(row.instance) };
    return follow === true ? undefined : { instance: undefined };
  };
  return changes.until(id, look, signal);
}

async function* readInstance(launcher: Launcher, instance: Id, options: LogOptions): AsyncGenerator<LogChunk> {
  try {
    yield* launcher.logs(instance, options);
  } catch (thrown) {
    // Its start failed: there was never anything to read.
    if (!(thrown instanceof MinkeError) || thrown.code !== 'INSTANCE_NOT_FOUND') throw thrown;
  }
}
