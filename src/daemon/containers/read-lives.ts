import type { LogChunk, LogOptions } from '../../engines/engine.ts';
import type { Id } from '../../model/ids.ts';
import { orAborted } from '../../observe/or-aborted.ts';
import type { Tasks } from '../../tasks/tasks.ts';
import { currentRun, type Kept } from './kept.ts';

export interface LivesToRead {
  readonly tasks: Pick<Tasks, 'logs'>;
  readonly kept: Kept;
  readonly joined: (kept: Kept) => Promise<Id>;
  /** Only the life under way, or else the next one. */
  readonly isOneLife: boolean;
}

/**
 * What a container wrote in all of its lives. With `follow` until it is idle: one that is started again by its policy goes on
 * writing; one that was never started is waited for.
 */
export async function* readLives(
  { tasks, kept, joined, isOneLife }: LivesToRead,
  options: LogOptions,
): AsyncGenerator<LogChunk> {
  if (isOneLife) {
    yield* tasks.logs(await joined(kept), options);
    return;
  }
  const read = new Set<Id>();
  const { follow = false, signal = new AbortController().signal } = options;
  const isFollowed = (): boolean => follow && !signal.aborted;
  for (;;) {
    const lives = follow && kept.record.runs.length === 0 ? [await joined(kept)] : kept.record.runs;
    const life = lives.find((one) => !read.has(one));
    if (life !== undefined) {
      read.add(life);
      yield* tasks.logs(life, { ...options, follow: isFollowed() && life === (currentRun(kept) ?? life) });
    } else if (isFollowed() && !kept.isIdle) await orAborted(kept.done, signal);
    else return;
  }
}
