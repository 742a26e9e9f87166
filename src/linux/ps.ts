import { existsSync } from 'node:fs';
import { MinkeError } from '../errors/index.ts';
import { runProgram } from './run-program.ts';

export interface ProcessTable {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/**
 * What `ps` of this machine says of these processes, which have the numbers here that the machine gives them.
 *
 * @throws NOT_SUPPORTED where there is no ps, BAD_REQUEST for words that it does not understand or that show no PID
 */
export async function listProcesses(
  pids: Iterable<number>,
  words: readonly string[],
  signal: AbortSignal,
): Promise<ProcessTable> {
  const wanted = new Set(pids);
  const lines = await linesOf(words, signal);
  const titles = (lines[0] ?? '').trim().split(/\s+/);
  const pidColumn = titles.indexOf('PID');
  if (pidColumn < 0)
    throw new MinkeError('BAD_REQUEST', { reason: `Couldn't find PID field in ps output: "ps ${words.join(' ')}"` });
  const rows = lines.slice(1).map((line) => columnsOf(line, titles.length));
  return { titles, rows: rows.filter((row) => wanted.has(Number(row[pidColumn]))) };
}

/** The last column is a command line, which has blanks of its own. */
function columnsOf(line: string, count: number): string[] {
  const words = line.trim().split(/\s+/);
  return [...words.slice(0, count - 1), words.slice(count - 1).join(' ')];
}

async function linesOf(words: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  const program = ['/usr/bin/ps', '/bin/ps'].find((path) => existsSync(path));
  if (program === undefined)
    throw new MinkeError('NOT_SUPPORTED', {
      what: 'Listing the processes of a container',
      reason: 'this machine has no ps (package procps)',
    });
  const lines: string[] = [];
  const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C', COLUMNS: '10000' };
  const code = await runProgram({ argv: [program, ...words], env, onLine: (line) => lines.push(line), signal });
  if (code === 0) return lines;
  throw new MinkeError('BAD_REQUEST', { reason: `ps ${words.join(' ')}: ${lines.join(' ').trim()}` });
}
