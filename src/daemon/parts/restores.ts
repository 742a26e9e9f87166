import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { Timeline } from '../../observe/timeline.ts';
import { untilSuccess } from '../../observe/until-success.ts';

const pauses = { first: 500, longest: 60_000 };

/** Apps that are being brought back, each tried again until it is there or somebody says otherwise. */
export interface Restores {
  /** Resolves after the first attempt; what fails is logged, told on the timeline and tried again. */
  bringBack(app: string, attempt: () => Promise<void>): Promise<void>;
  /** It is deployed anew, or taken down. */
  giveUp(app: string): void;
  close(): void;
}

export function createRestores({
  clock,
  log,
  record,
}: {
  readonly clock: Clock;
  readonly log: Log;
  readonly record: Timeline['record'];
}): Restores {
  const restoring = new Map<string, AbortController>();
  return {
    bringBack: async (app, attempt) => {
      const controller = new AbortController();
      const { signal } = controller;
      restoring.set(app, controller);
      const first = Promise.withResolvers<void>();
      const onFailure = (error: unknown, againAfterMs: number): void => {
        log.error('An app could not be brought back; it is tried again', { app, againAfterMs, error });
        record({ at: clock.now(), kind: 'restore.failed', app, facts: { reason: String(error), againAfterMs } });
        first.resolve();
      };
      // It rejects only where somebody says otherwise.
      void untilSuccess(attempt, { clock, signal, pauses, onFailure })
        .catch(() => undefined)
        .finally(first.resolve);
      await first.promise;
    },
    giveUp: (app) => restoring.get(app)?.abort(),
    close: () => {
      for (const controller of restoring.values()) controller.abort();
    },
  };
}
