import { isReached } from '../goal.ts';
import type { MachineFacts } from '../machine.ts';
import type { Figure } from './soak.ts';

/** The one document of `--json`. */
export interface SoakDocument {
  readonly soak: string;
  readonly scale: number;
  readonly tookSeconds: number;
  readonly figures: readonly (Figure & { readonly isKept: boolean })[];
  readonly machine: MachineFacts;
}

/** A figure without a limit keeps it. */
export const isKept = ({ limit, value }: Figure): boolean => limit === undefined || isReached(limit, value);

/** For people: a line a figure. */
export function reportOf({ soak, scale, tookSeconds, figures, machine }: SoakDocument): string {
  const width = Math.max(...figures.map(({ what }) => what.length));
  return [
    `== ${soak} (scale ${scale}, ${tookSeconds} s, ${machine.cpus} cores, load ${machine.loadAverage} when it began)`,
    ...figures.map(
      (figure) =>
        `${figure.what.padEnd(width)}${String(figure.value).padStart(12)} ${figure.unit.padEnd(8)}${verdictOf(figure)}`,
    ),
  ].join('\n');
}

function verdictOf(figure: Figure): string {
  const { limit } = figure;
  return limit === undefined ? '' : `  ${limit.op} ${limit.value}: ${isKept(figure) ? 'kept' : 'BROKEN'}`;
}
