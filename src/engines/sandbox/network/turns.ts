import { setTimeout as delay } from 'node:timers/promises';

/** One at a time; calls that come meanwhile share the next turn. */
export function coalesced(action: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const turn = (): Promise<void> => {
    const begun = action().finally(() => {
      if (current === begun) current = undefined;
    });
    current = begun;
    return begun;
  };
  return async () => {
    if (current === undefined) return await turn();
    next ??= current
      .catch(() => undefined)
      .then(async () => {
        next = undefined;
        await turn();
      });
    await next;
  };
}

const tryAgainMs = 1000;

/** Tries until it succeeds or there is no use in it any more; what keeps it from that is told once. */
export async function untilSuccess(
  action: () => Promise<void>,
  signal: AbortSignal,
  onFailure: (error: unknown) => void,
): Promise<void> {
  for (let isTold = false; !signal.aborted; isTold = true) {
    try {
      await action();
      return;
    } catch (error) {
      if (!isTold) onFailure(error);
    }
    await delay(tryAgainMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
