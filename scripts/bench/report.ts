import type { BenchDocument, Row } from './document.ts';

/** A bench's document for people: a table, then the ratios and which goals they reach. */
export function reportOf({ bench, rows, ratios, goals, machine }: BenchDocument): string {
  const width = Math.max(...rows.map(({ what }) => what.length));
  const judged = Object.entries(goals).map(([name, { op, value, reached }]) => {
    const ratio = ratios[name];
    const verdict = ratio === undefined ? 'not measured' : reached ? 'reached' : 'NOT REACHED';
    return `${name.padEnd(24)}${(ratio?.toFixed(2) ?? '-').padStart(8)}   goal ${op} ${value}: ${verdict}`;
  });
  const others = Object.entries(ratios)
    .filter(([name]) => goals[name] === undefined)
    .map(([name, ratio]) => `${name.padEnd(24)}${ratio.toFixed(2).padStart(8)}`);
  return [
    `== ${bench} (${machine.cpus} cores, ${machine.cpuModel}, Linux ${machine.kernel}, load ${machine.loadAverage})`,
    `${''.padEnd(width)}${'p50 ms'.padStart(10)}${'p99 ms'.padStart(10)}${'per second'.padStart(12)}`,
    ...rows.map((row) => `${row.what.padEnd(width)}${figuresOf(row)}`),
    '',
    ...judged,
    ...others,
  ].join('\n');
}

function figuresOf({ p50Ms, p99Ms, perSecond }: Row): string {
  if (p50Ms === null) return '';
  return `${p50Ms.toFixed(2).padStart(10)}${p99Ms.toFixed(2).padStart(10)}${perSecond.toFixed(1).padStart(12)}`;
}
