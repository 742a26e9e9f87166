import type { RunRequest } from '../api/types.ts';
import { defaultApp } from '../model/app.ts';
import type { Id } from '../model/ids.ts';
import type { Run } from '../model/run.ts';
import type { TargetSettings } from './launcher.ts';

/** A request for a run, checked (parse.ts), with what the way it came by tells. */
export interface Submission extends RunRequest {
  /** The run or instance that asked. */
  readonly parent?: Id;
  /** Accepts exactly one run in 24 hours for each key of an app. */
  readonly idempotencyKey?: string;
  /** Absent = one of its own. */
  readonly id?: Id;
  /** The container that it is a life of. */
  readonly container?: Id;
}

/** A run that is not accepted yet, with its input. */
export interface Draft {
  readonly run: Run;
  readonly input?: Uint8Array;
}

export function draftOf(
  submission: Submission,
  settings: TargetSettings,
  facts: { readonly id: Id; readonly createdAt: number },
): Draft {
  const { app = defaultApp, target, args = [], env = {}, options = {}, parent, idempotencyKey, input } = submission;
  const { container } = submission;
  const callback = submission.callback?.url ?? settings.callback;
  const { notBefore, retries = settings.retries, maxAgeMs = settings.maxAgeMs } = submission;
  const run: Run = {
    ...facts,
    app,
    target,
    args,
    env,
    // Input needs a stdin that is open, whatever was said about it.
    options: input === undefined ? options : { ...options, stdin: 'open' },
    state: 'queued',
    attempts: 0,
    timeoutMs: submission.timeoutMs ?? settings.timeoutMs,
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(retries === undefined ? {} : { retries }),
    ...(maxAgeMs === undefined ? {} : { expiresAt: Math.max(facts.createdAt, notBefore ?? 0) + maxAgeMs }),
    ...(parent === undefined ? {} : { parent }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    ...(container === undefined ? {} : { container }),
    ...(callback === undefined ? {} : { callback: { url: callback, state: 'owed' } }),
  };
  return input === undefined ? { run } : { run, input: Buffer.from(input, 'base64') };
}
