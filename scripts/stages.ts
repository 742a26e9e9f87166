import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** One program that is run to its end as a part of a longer check. */
export interface Stage {
  readonly name: string;
  /** Arguments for the Node that runs this. */
  readonly args: readonly string[];
  /** After which it is ended and counts as failed: something hangs. */
  readonly limitMs: number;
}

export interface StageResult {
  readonly name: string;
  readonly isOk: boolean;
  readonly ms: number;
}

const root = join(import.meta.dirname, '..');

/** Runs the stages one after another, all of them even when one fails, with their output as it comes. */
export async function runStages(stages: readonly Stage[]): Promise<readonly StageResult[]> {
  const results: StageResult[] = [];
  for (const stage of stages) results.push(await runStage(stage));
  return results;
}

async function runStage({ name, args, limitMs }: Stage): Promise<StageResult> {
  console.log(`\n== ${name}`);
  const startedAt = performance.now();
  // A group of its own, so that what it started ends with it.
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  const passOn = (signal: NodeJS.Signals): void => {
    child.once('exit', () => process.exit(130));
    endGroup(child, signal);
  };
  const limit = setTimeout(() => {
    console.error(`${name} did not end within ${limitMs / 1000} s and is ended`);
    endGroup(child, 'SIGKILL');
  }, limitMs);
  process.on('SIGINT', passOn).on('SIGTERM', passOn);
  try {
    const [status] = (await once(child, 'exit')) as [number | null];
    return { name, isOk: status === 0, ms: performance.now() - startedAt };
  } finally {
    clearTimeout(limit);
    process.off('SIGINT', passOn).off('SIGTERM', passOn);
  }
}

function endGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

/** How long each took, for people. */
export function reportOf(results: readonly StageResult[]): string {
  const rows = results.map(
    ({ name, isOk, ms }) => `  ${name.padEnd(14)}${(ms / 1000).toFixed(1).padStart(7)} s  ${isOk ? 'ok' : 'FAILED'}`,
  );
  return ['', '== how long each stage took', ...rows].join('\n');
}
