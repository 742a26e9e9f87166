import { shortId } from '../../model/ids.ts';
import type { Run } from '../../sdk/types.ts';
import type { Output } from './output.ts';
import { printTable } from './table.ts';
import { formatAge, formatTook } from './units.ts';

export function printRuns(out: Output, runs: readonly Run[]): void {
  const rows = runs.map((run) => [
    shortId(run.id),
    run.app,
    targetName(run),
    run.state,
    run.exitCode === undefined ? '-' : String(run.exitCode),
    formatAge(Date.now() - run.createdAt),
    tookOf(run) ?? '-',
    shortened(run.args.join(' ')),
  ]);
  printTable(out, ['RUN', 'APP', 'TARGET', 'STATE', 'EXIT', 'AGE', 'TOOK', 'ARGUMENTS'], rows);
}

export const targetName = ({ target }: Pick<Run, 'target'>): string =>
  'image' in target ? target.image : target.function;

/** From its start to its end, or to now. */
export const tookOf = ({ startedAt, endedAt }: Run): string | undefined =>
  startedAt === undefined ? undefined : formatTook((endedAt ?? Date.now()) - startedAt);

const longestCell = 40;

const shortened = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > longestCell ? `${line.slice(0, longestCell - 1)}…` : line;
};
