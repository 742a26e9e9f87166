import { MinkeError } from '../errors/index.ts';
import { defaultApp } from '../model/app.ts';
import type { Id } from '../model/ids.ts';
import type { Run } from '../model/run.ts';
import type { Clock } from '../observe/clock.ts';
import type { RunStore } from '../store/store.ts';
import type { Drafts } from './drafts.ts';
import type { Launcher } from './launcher.ts';
import { draftOf, type Draft, type Submission } from './submission.ts';

/** The ways in: all of them answer only for what is durable, but for `create`, which promises nothing. */
export interface Accepting {
  readonly submit: (submission: Submission) => Promise<Run>;
  readonly create: (submission: Submission) => Promise<Run>;
  /** Once more what is settled. */
  readonly again: (settled: Run) => Promise<Run>;
  /** Undefined when there is no such draft. */
  readonly start: (id: Id) => Promise<Run | undefined>;
}

export function createAccepting(options: {
  readonly runs: RunStore;
  readonly launcher: Launcher;
  readonly drafts: Drafts;
  readonly clock: Clock;
  readonly ids: () => Id;
  /** Called once for each run that was stored. */
  readonly onAccepted: (run: Run) => void;
}): Accepting {
  const { runs, launcher, drafts, clock, ids, onAccepted } = options;
  const starting = new Map<Id, Promise<Run>>();

  const draft = async (submission: Submission): Promise<Draft> => {
    const { app = defaultApp, target } = submission;
    const settings = await launcher.settings(app, target);
    return draftOf(submission, settings, { id: submission.id ?? ids(), createdAt: clock.now() });
  };

  const accept = async ({ run, input }: Draft): Promise<Run> => {
    const accepted = await runs.accept(run, input);
    // Another id: the earlier run of its idempotency key.
    if (accepted.id === run.id) onAccepted(accepted);
    return accepted;
  };

  const start = async (draft: Draft): Promise<Run> => {
    try {
      return await accept(draft);
    } finally {
      starting.delete(draft.run.id);
    }
  };

  return {
    submit: async (submission) => accept(await draft(submission)),
    create: async (submission) => {
      const recorded = await draft(submission);
      drafts.add(recorded);
      return recorded.run;
    },
    again: async (settled) => {
      const { id: retryOf, app, target, args, env, options: own, timeoutMs, retries, parent, callback } = settled;
      // What was said of its time is over; the target says how long this one may wait.
      const { maxAgeMs } = await launcher.settings(app, target);
      const { run } = draftOf(
        {
          app,
          target,
          args,
          env,
          options: own,
          ...(parent === undefined ? {} : { parent }),
          ...(callback === undefined ? {} : { callback: { url: callback.url } }),
        },
        { timeoutMs, ...(retries === undefined ? {} : { retries }), ...(maxAgeMs === undefined ? {} : { maxAgeMs }) },
        { id: ids(), createdAt: clock.now() },
      );
      const accepted = await runs.retry(retryOf, { ...run, retryOf });
      if (accepted === undefined) throw new MinkeError('RUN_NOT_FOUND', { run: retryOf });
      if (accepted.id === run.id) onAccepted(accepted);
      return accepted;
    },
    start: async (id) => {
      const recorded = drafts.get(id);
      if (recorded === undefined) return undefined;
      // Whoever starts it twice at once gets the one run.
      const accepted = starting.get(id) ?? start(recorded);
      starting.set(id, accepted);
      const run = await accepted;
      drafts.remove(id);
      return run;
    },
  };
}
