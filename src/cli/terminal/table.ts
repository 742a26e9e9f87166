import { widthOf, type Output } from './output.ts';

/** Rows under their headings, in columns as wide as they need; no rows print nothing but the headings. */
export function printTable(out: Output, headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = headings.map((heading, at) =>
    Math.max(...[heading, ...rows.map((row) => row[at] ?? '')].map(widthOf)),
  );
  out.line(out.style('bold', align(headings, widths)));
  for (const row of rows) out.line(align(row, widths));
}

/** Label and value, one pair a line; what has no value is left out. */
export function printPairs(out: Output, pairs: readonly (readonly [string, string | undefined])[]): void {
  const width = Math.max(...pairs.map(([label]) => widthOf(label)));
  for (const [label, value] of pairs) {
    if (value !== undefined) out.line(`${out.style('bold', label.padEnd(width))}  ${value}`);
  }
}

const gap = '   ';

const align = (cells: readonly string[], widths: readonly number[]): string =>
  cells
    .map((cell, at) => cell + ' '.repeat((widths[at] ?? 0) - widthOf(cell)))
    .join(gap)
    .trimEnd();
