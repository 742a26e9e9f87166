import type { Health, HealthcheckModel } from './health.ts';

/** A health check with every default filled in. JSON-safe. */
export interface HealthRules {
  readonly test: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
}

/** One check that was carried out. */
export interface Check {
  readonly code: number;
  /** It was killed at its time-out. */
  readonly isLate: boolean;
  readonly output: string;
  /** Unix milliseconds at its end. */
  readonly at: number;
}

/** The Docker Engine's. */
const defaults = {
  intervalMs: 30_000,
  timeoutMs: 30_000,
  retries: 3,
  startPeriodMs: 0,
  startIntervalMs: 5000,
} as const;

/** What the file (or the container) says, over what the image says; undefined where nothing is to be checked. */
export function healthRules(
  own: HealthcheckModel | 'none' | undefined,
  image: HealthcheckModel | 'none' | undefined,
): HealthRules | undefined {
  if (own === 'none') return undefined;
  const merged = { ...defaults, ...(image === 'none' ? {} : image), ...own };
  return merged.test === undefined ? undefined : { ...merged, test: merged.test };
}

export const unchecked: Health = { state: 'starting', failures: 0 };

/**
 * Milliseconds from the start in which no failure counts: its start period, and never less than the first interval, before
 * which Docker does not look at all. We do look, since nothing is gained by waiting for what is ready.
 */
export const graceMs = ({ startPeriodMs, intervalMs }: HealthRules): number => Math.max(startPeriodMs, intervalMs);

/** `ageMs`: since the start of the instance. Once it was healthy, every failure counts. */
export function decideHealth(before: Health, check: Check, rules: HealthRules, ageMs: number): Health {
  const { code, at } = check;
  const output = check.isLate ? lateOutput(check, rules) : check.output;
  const last = { at, code, output };
  if (code === 0 && !check.isLate) return { state: 'healthy', failures: 0, last };
  if (before.state === 'starting' && ageMs < graceMs(rules)) return { ...before, last };
  const failures = before.failures + 1;
  return { state: failures >= rules.retries ? 'unhealthy' : before.state, failures, last };
}

const lateOutput = ({ output }: Check, { timeoutMs }: HealthRules): string =>
  `it took longer than ${timeoutMs / 1000} s${output === '' ? '' : `: ${output}`}`;

/** Milliseconds from the end of one check to the next; `checks`: those before. While it starts it is looked at sooner. */
export function decidePause({ state }: Health, rules: HealthRules, ageMs: number, checks: number): number {
  const soonMs = 250;
  if (state !== 'starting' || ageMs >= graceMs(rules)) return rules.intervalMs;
  return Math.min(soonMs * 2 ** Math.max(0, checks - 1), rules.startIntervalMs, rules.intervalMs);
}

/** Beyond this it is either healthy or not, even where no check could be carried out. */
export const verdictWithinMs = (rules: HealthRules): number =>
  graceMs(rules) + (rules.retries + 1) * (rules.intervalMs + rules.timeoutMs) + 60_000;
