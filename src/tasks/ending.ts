import { MinkeError, toMinkeError } from '../errors/index.ts';
import type { InstanceExit, InstanceLimits } from '../model/instance.ts';
import type { Run, RunState } from '../model/run.ts';
import type { RunPatch } from '../store/store.ts';
import { nameOfTarget } from './target.ts';

/** Why an attempt is being ended from outside. */
export interface Ending {
  /**
   * The state that the run goes to, whatever its exit code: it was decided before it exited. `stopped` lets the exit
   * decide: 0 is a success, all else was not its fault.
   */
  readonly to: 'timed-out' | 'cancelled' | 'queued' | 'stopped';
  readonly reason: string;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
}

/** Where an ended attempt leaves its run, before retries are thought of (retrying.ts). */
export interface Settlement {
  readonly to: RunState;
  readonly patch: RunPatch;
}

/** How often a run is started again whose instance was lost, before it fails: it may be what breaks the machine. */
export const maxLosses = 3;

type Ended = Pick<Run, 'target' | 'timeoutMs' | 'attempts'>;

export function decideExit(
  run: Ended & { readonly losses: number },
  exit: InstanceExit,
  limits: InstanceLimits,
  ending: Ending | undefined,
): Settlement {
  const patch = { endedAt: exit.at, exitCode: exit.code };
  if (ending !== undefined && ending.to !== 'stopped') return decideEnding(run, ending, patch);
  if (exit.cause === 'lost') return decideLoss(run, 'its exit code is not known', exit.at);
  if (exit.code === 0 && exit.cause !== 'result-limit') return { to: 'succeeded', patch };
  if (ending !== undefined && exit.cause !== 'result-limit') return decideEnding(run, ending, patch);
  const error = errorOfExit(nameOfTarget(run.target), exit, limits);
  return { to: error.code === 'RUN_CANCELLED' ? 'cancelled' : 'failed', patch: { ...patch, error: worded(error) } };
}

/** Why it did not succeed, where nobody here ended it. */
function errorOfExit(name: string, { cause, code }: InstanceExit, limits: InstanceLimits): MinkeError {
  if (cause === 'stopped') return new MinkeError('RUN_CANCELLED', { name, reason: 'its container was stopped' });
  if (cause === 'out-of-memory') return new MinkeError('OUT_OF_MEMORY', { name, limit: inUnits(limits.memoryBytes) });
  if (cause === 'pids-limit') return new MinkeError('PIDS_LIMIT', { name, limit: limits.pids });
  if (cause === 'result-limit') {
    return new MinkeError('RESULT_TOO_LARGE', { name, limit: inUnits(limits.resultBytes ?? 0) });
  }
  return new MinkeError('RUN_FAILED', { name, exitCode: code });
}

/** An attempt that has no instance: its launch failed, or it was ended before it was launched. */
export function decideUnlaunched(
  run: Ended & { readonly losses: number },
  thrown: unknown,
  ending: Ending | undefined,
  now: number,
): Settlement {
  if (ending !== undefined) return decideEnding(run, ending, { endedAt: now });
  const error = toMinkeError(thrown);
  if (error.code === 'STARTER_LOST') return decideLoss(run, error.message, now);
  return { to: 'failed', patch: { endedAt: now, error: worded(error) } };
}

/** A run that was ended before anything of it began. */
export const decideCancelled = (run: Pick<Run, 'target'>, reason: string, now: number): Settlement => ({
  to: 'cancelled',
  patch: { endedAt: now, error: worded(new MinkeError('RUN_CANCELLED', { name: nameOfTarget(run.target), reason })) },
});

function decideEnding(run: Ended, { to, reason, graceMs }: Ending, patch: RunPatch): Settlement {
  if (to === 'queued') return backToQueue(run);
  const name = nameOfTarget(run.target);
  // It had its grace, and SIGKILL, 128 + 9, came all the same.
  const wasKilled = graceMs > 0 && patch.exitCode === 137;
  const force = `it did not end within ${graceMs / 1000} s of SIGTERM`;
  const error =
    to === 'timed-out'
      ? new MinkeError('RUN_TIMED_OUT', {
          name,
          seconds: run.timeoutMs / 1000,
          ended: wasKilled ? `killed (${force})` : 'ended',
        })
      : new MinkeError('RUN_CANCELLED', { name, reason: wasKilled ? `${reason} (${force})` : reason });
  return { to: to === 'stopped' ? 'cancelled' : to, patch: { ...patch, error: worded(error) } };
}

/** A lost instance is nobody's attempt, unless the same run is lost again and again. */
function decideLoss(run: Ended & { readonly losses: number }, reason: string, at: number): Settlement {
  if (run.losses < maxLosses) return backToQueue(run);
  const error = new MinkeError('RUN_LOST', { name: nameOfTarget(run.target), reason });
  return { to: 'failed', patch: { endedAt: at, error: worded(error) } };
}

export const backToQueue = (run: Pick<Run, 'attempts'>): Settlement => ({
  to: 'queued',
  patch: { attempts: Math.max(0, run.attempts - 1) },
});

export const worded = ({ code, message }: MinkeError): { readonly code: string; readonly message: string } => ({
  code,
  message,
});

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

function inUnits(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 1024 ** power).toFixed(1))} ${units[power]}`;
}
