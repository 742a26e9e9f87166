import type { Clock } from '../observe/clock.ts';
import type { Log } from '../observe/log.ts';
import { afterAttempt } from './retrying.ts';
import { decideExit, decideUnlaunched, type Ending, type Settlement } from './ending.ts';
import type { LaunchableRun, LaunchedRun } from './launcher.ts';

/** One execution of a run: launched (or adopted), watched, ended in time. */
export interface Attempt {
  /** Its instance, as soon as there is one. */
  readonly launched: LaunchedRun | undefined;
  /** Ends it; may be called at any time and again. The first call says why, the shortest grace counts. */
  end(ending: Ending): void;
  /** Resolves once its instance has ended, with what that means for the run. Called once, never rejects. */
  perform(run: AttemptedRun, begin: (signal: AbortSignal) => Promise<LaunchedRun>): Promise<Settlement>;
}

export type AttemptedRun = LaunchableRun & { readonly losses: number };

/** Grace of a run that had its time already. */
const timeoutGraceMs = 2000;
const stopAgainMs = 1000;

export function createAttempt(options: {
  readonly clock: Clock;
  readonly log: Log;
  readonly onLaunched: (run: AttemptedRun, launched: LaunchedRun) => void;
  /** Once aborted, nothing is ended any more: what lives belongs to the next daemon. */
  readonly closing: AbortSignal;
  readonly random: () => number;
}): Attempt {
  const { clock, log, onLaunched, closing, random } = options;
  const unwanted = new AbortController();
  const ended = new AbortController();
  let ending: Ending | undefined;
  let launched: LaunchedRun | undefined;

  const over = AbortSignal.any([ended.signal, closing]);

  const end = (wish: Ending): void => {
    if (closing.aborted) return;
    ending ??= wish;
    unwanted.abort(new Error(ending.reason));
    if (launched !== undefined) void stop(launched, wish.graceMs);
  };

  /** A stop that fails is tried again without grace: a container must not outlive its run. */
  const stop = async (target: LaunchedRun, graceMs: number): Promise<void> => {
    for (let grace = graceMs; !over.aborted; grace = 0) {
      try {
        await target.stop(grace);
        return;
      } catch (error) {
        log.error('A container could not be stopped; it is tried again', { instance: target.instance, error });
        await clock.sleep(stopAgainMs, over).catch(() => undefined);
      }
    }
  };

  const watchDeadline = async ({ timeoutMs }: AttemptedRun, { startedAt }: LaunchedRun): Promise<void> => {
    if (timeoutMs === 0) return;
    const leftMs = startedAt + timeoutMs - clock.now();
    if (leftMs > 0) await clock.sleep(leftMs, over);
    end({ to: 'timed-out', reason: 'its time is up', graceMs: timeoutGraceMs });
  };

  return {
    get launched() {
      return launched;
    },
    end,
    perform: async (run, begin) => {
      try {
        unwanted.signal.throwIfAborted();
        launched = await begin(unwanted.signal);
      } catch (thrown) {
        return afterAttempt(run, decideUnlaunched(run, thrown, ending, clock.now()), clock.now(), random);
      }
      onLaunched(run, launched);
      if (ending !== undefined) void stop(launched, ending.graceMs);
      watchDeadline(run, launched).catch(() => undefined);
      const exit = await launched.exited;
      ended.abort();
      launched.stdin?.destroy();
      const settlement = decideExit(run, exit, launched.limits, ending);
      const { to, patch } = afterAttempt(run, settlement, clock.now(), random);
      return { to, patch: to === 'queued' ? patch : { startedAt: launched.startedAt, ...patch } };
    },
  };
}
