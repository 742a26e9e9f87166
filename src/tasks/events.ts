import type { Run } from '../model/run.ts';
import type { TimelineEvent } from '../model/timeline.ts';
import type { LaunchedRun } from './launcher.ts';
import { nameOfTarget } from './target.ts';

/** What the timeline is told of a run. */
export function startedEvent(run: Run, { instance, startedAt }: LaunchedRun): TimelineEvent {
  return { ...eventOf('run.started', run, startedAt), instance, facts: { attempt: run.attempts } };
}

export function endedEvent(run: Run): TimelineEvent {
  const { state, exitCode, error, startedAt, endedAt = 0 } = run;
  const ms = startedAt === undefined ? undefined : endedAt - startedAt;
  return { ...eventOf('run.ended', run, endedAt), facts: { state, exitCode, error: error?.code, ms } };
}

/** Its instance was lost; it will run again. */
export const requeuedEvent = (run: Run, at: number): TimelineEvent => eventOf('run.requeued', run, at);

/** An attempt failed, and another one will be made. */
export function retryingEvent(run: Run, at: number): TimelineEvent {
  const { failures = [], notBefore = at } = run;
  const last = failures.at(-1);
  const facts = {
    attempt: last?.attempt,
    exitCode: last?.exitCode,
    error: last?.error.code,
    againAfterMs: notBefore - at,
  };
  return { ...eventOf('run.retrying', run, at), facts };
}

/** What became of a call-back; where it goes is shown without its path, which may be a secret of its receiver. */
export function callbackEvent(
  what: 'delivered' | 'retrying' | 'failed',
  run: Run,
  at: number,
  facts: Readonly<Record<string, unknown>>,
): TimelineEvent {
  const to = run.callback === undefined ? undefined : new URL(run.callback.url).origin;
  return { ...eventOf(`callback.${what}`, run, at), facts: { to, ...facts } };
}

function eventOf(kind: string, run: Run, at: number): TimelineEvent {
  const { id, app, target, instance } = run;
  return { at, kind, app, name: nameOfTarget(target), run: id, ...(instance === undefined ? {} : { instance }) };
}
