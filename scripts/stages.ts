import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** One program that is run to its end as a part of a longer check. */
export interface Stage {
  readonly name: string;
  /** Arguments for the Node that runs this. */
  readonly args: readonly string[];
}

export interface StageResult {
  readonly name: string;
  readonly isOk: boolean;
  readonly ms: number;
}

const root = join(import.meta.dirname, '..');

/** Runs the stages one after another, all of them even when one fails, with their output as it comes. */
export function runStages(stages: readonly Stage[]): readonly StageResult[] {
  return stages.map(({ name, args }) => {
    console.log(`\n== ${name}`);
    const startedAt = performance.now();
    const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    return { name, isOk: status === 0, ms: performance.now() - startedAt };
  });
}

/** How long each took, for people. */
export function reportOf(results: readonly StageResult[]): string {
  const rows = results.map(
    ({ name, isOk, ms }) => `  ${name.padEnd(14)}${(ms / 1000).toFixed(1).padStart(7)} s  ${isOk ? 'ok' : 'FAILED'}`,
  );
  return ['', '== how long each stage took', ...rows].join('\n');
}
