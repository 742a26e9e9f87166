import type { HealthcheckModel } from '../../model/health.ts';

/** As Docker writes it into an image's config; times in nanoseconds, 0 = the default. */
export interface HealthcheckFile {
  /** `["CMD", WORD...]`, `["CMD-SHELL", LINE]`, `["NONE"]`; empty says nothing. */
  readonly Test?: readonly string[] | null;
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly Retries?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
}

/** Anyone may write a config; what is wrong in it is refused before it is read. */
export function isHealthcheck(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { Test, ...others } = value as Record<string, unknown>;
  const isTest = Test === undefined || Test === null || (Array.isArray(Test) && Test.every(isWord));
  return isTest && numbers.every((key) => others[key] === undefined || isCount(others[key]));
}

const numbers = ['Interval', 'Timeout', 'Retries', 'StartPeriod', 'StartInterval'] as const;
const isWord = (value: unknown): boolean => typeof value === 'string' && !value.includes('\0');
const isCount = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value >= 0;

export function toHealthcheck(file: HealthcheckFile): HealthcheckModel | 'none' | undefined {
  const [kind, ...words] = file.Test ?? [];
  if (kind === 'NONE') return 'none';
  const test = kind === 'CMD' ? words : kind === 'CMD-SHELL' ? ['/bin/sh', '-c', words[0] ?? ''] : [];
  return test.length === 0 ? undefined : { test, ...healthTimes(file) };
}

/** What it says beside its test. */
export function healthTimes(file: HealthcheckFile): Omit<HealthcheckModel, 'test'> {
  const all = {
    intervalMs: toMs(file.Interval),
    timeoutMs: toMs(file.Timeout),
    retries: file.Retries,
    startPeriodMs: toMs(file.StartPeriod),
    startIntervalMs: toMs(file.StartInterval),
  };
  const said = Object.entries(all).filter(([, value]) => value !== undefined && value > 0);
  return Object.fromEntries(said);
}

const nanosecondsInOne = 1e6;
const toMs = (nanoseconds = 0): number => nanoseconds / nanosecondsInOne;
