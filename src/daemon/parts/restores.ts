import type { Clock } from '../../observe/clock.ts';
import type { Log } from '../../observe/log.ts';
import type { Timeline } from '../../observe/timeline.ts';
import { tryAgain } from './try-again.ts';

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
      const unlessGivenUp = async (): Promise<void> => {
        if (!signal.aborted) await attempt();
      };
      await tryAgain(unlessGivenUp, {
        clock,
        signal,
        onFailure: (error, againAfterMs) => {
          log.error('An app could not be brought back; it is tried again', { app, againAfterMs, error });
          record({ at: clock.now(), kind: 'restore.failed', app, facts: { reason: String(error), againAfterMs } });
        },
      });
    },
    giveUp: (app) => restoring.get(app)?.abort(),
    close: () => {
      for (const controller of restoring.values()) controller.abort();
    },
  };
}
