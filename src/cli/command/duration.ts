import { usage } from './parse.ts';

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `30s`, `1m30s`, `2h`, `1d`, or `0`, in milliseconds. `option` is named in the USAGE error. */
export function parseDuration(option: string, text: string): number {
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) {
    throw usage(`${option} cannot be "${text}": it is not a duration`, `Write a number with its unit: ${option} 30s`);
  }
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g);
  return Math.round([...parts].reduce((sum, [, count, unit = '']) => sum + Number(count) * (unitsMs[unit] ?? 0), 0));
}
