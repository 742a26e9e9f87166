/** The candidate that was probably meant: at most one slip for every three letters away (a swap of neighbours is one). */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: distance(text, candidate) }))
    .toSorted((a, b) => a.distance - b.distance);
  const [best] = ranked;
  const allowed = Math.max(1, Math.floor(text.replace(/^-+/, '').length / 3));
  return best !== undefined && best.distance <= allowed ? best.candidate : undefined;
}

/** Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = cell(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? cell(before, j - 2) + 1 : Infinity;
      current.push(Math.min(replaced, swapped, cell(previous, j) + 1, cell(current, j - 1) + 1));
    }
    [before, previous] = [previous, current];
  }
  return cell(previous, b.length);
}

const cell = (row: readonly number[], at: number): number => row[at] ?? Infinity;
