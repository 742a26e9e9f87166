import { MinkeError } from '../../errors/index.ts';

/** Plans that are being carried out, at most one for each app: one may wait for long, and be in the way of what is wanted now. */
export interface PlansUnderWay {
  /** `isWanted`: somebody waits for its outcome. */
  during<T>(app: string, isWanted: () => boolean, carryOut: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Ends the app's plan between two steps: for `down` in any case, for others when nobody waits for it any more. */
  supersede(app: string, by: string): void;
  isUnderWay(app: string): boolean;
  /** Ends them all; resolves when none is under way. */
  close(): Promise<void>;
}

interface Plan {
  readonly over: AbortController;
  readonly isWanted: () => boolean;
  readonly ended: Promise<void>;
}

export function createPlansUnderWay(): PlansUnderWay {
  const plans = new Map<string, Plan>();
  const end = ({ over }: Plan, reason: string): void => over.abort(new MinkeError('CONFLICT', { reason }));
  let isClosed = false;
  return {
    during: async (app, isWanted, carryOut) => {
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      const plan = { over: new AbortController(), isWanted, ended };
      plans.set(app, plan);
      if (isClosed) end(plan, 'The daemon ends');
      try {
        return await carryOut(plan.over.signal);
      } finally {
        plans.delete(app);
        resolve();
      }
    },
    supersede: (app, by) => {
      const plan = plans.get(app);
      if (plan !== undefined && (by === 'down' || !plan.isWanted()))
        end(plan, `What was being done to "${app}" was given up for a newer "minke ${by}"`);
    },
    isUnderWay: (app) => plans.has(app),
    close: async () => {
      isClosed = true;
      for (const plan of plans.values()) end(plan, 'The daemon ends');
      await Promise.all([...plans.values()].map(async ({ ended }) => await ended));
    },
  };
}
