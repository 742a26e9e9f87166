/** What is absent is the image's, and where that says nothing the default of the Docker Engine. */
export interface HealthcheckModel {
  /** A command line that is run in the container (`CMD-SHELL` as `/bin/sh -c`); exit code 0 is healthy. */
  readonly test?: readonly string[];
  /** From the end of a check to the next; default 30 s. */
  readonly intervalMs?: number;
  /** A check that takes longer has failed; default 30 s. */
  readonly timeoutMs?: number;
  /** So many failures in a row make it unhealthy; default 3. */
  readonly retries?: number;
  /** Failures in this time after the start do not count; default 0. */
  readonly startPeriodMs?: number;
  /** The interval within the start period; default 5 s. */
  readonly startIntervalMs?: number;
}

/**
 *   starting --succeeds--> healthy --fails too often--> unhealthy
 *      |                      ^                            |  |
 *      |                      +---------succeeds-----------+  |
 *      +---------------fails too often, after its grace-------+
 */
export type HealthState = 'starting' | 'healthy' | 'unhealthy';

/** What the checks of one instance have said so far. JSON-safe. */
export interface Health {
  readonly state: HealthState;
  /** In a row, as far as they count. */
  readonly failures: number;
  /** The last check: its end in Unix milliseconds, its exit code, and the last that it wrote. */
  readonly last?: { readonly at: number; readonly code: number; readonly output: string };
}
