import { numbersIn } from '../../../test/integration/restart-host.ts';

/** What became of numbered lines, which were written from 1 on. */
export interface Lines {
  readonly kept: number;
  /** Numbers up to the last kept one that are not there. */
  readonly lost: number;
  /** The longest run of lost ones, with their newlines. */
  readonly longestGapBytes: number;
  /** Lines that came twice or out of turn. */
  readonly wrong: number;
}

export function readLines(output: string): Lines {
  const numbers = numbersIn(output);
  const gaps = numbers.map((number, index) => gapBefore(numbers[index - 1] ?? 0, number));
  return {
    kept: numbers.length,
    lost: gaps.reduce((sum, { count }) => sum + count, 0),
    longestGapBytes: gaps.reduce((longest, { bytes }) => Math.max(longest, bytes), 0),
    wrong: numbers.filter((number, index) => number <= (numbers[index - 1] ?? 0)).length,
  };
}

function gapBefore(before: number, number: number): { readonly count: number; readonly bytes: number } {
  const count = Math.max(0, number - before - 1);
  return { count, bytes: count * (String(number).length + 1) };
}
