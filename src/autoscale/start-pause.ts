/** It doubles from `firstMs`; at `lastMs` a request that waits through it is still answered within its usual time. */
const pauseMs = { first: 100, last: 5_000 } as const;

/** Pauses between starts that fail, so that a function that cannot start does not keep the host busy. */
export interface StartPause {
  /** No start before this moment. */
  readonly until: number;
  failed(now: number): void;
  succeeded(): void;
}

export function createStartPause(): StartPause {
  let failures = 0;
  let until = 0;
  return {
    get until() {
      return until;
    },
    failed: (now) => {
      until = now + Math.min(pauseMs.first * 2 ** failures, pauseMs.last);
      failures += 1;
    },
    succeeded: () => {
      failures = 0;
      until = 0;
    },
  };
}
