import { existsSync } from 'node:fs';
import { MinkeError } from '../errors/index.ts';
import { runProgram } from '../linux/run-program.ts';
import { sendJson } from './answer.ts';
import { controlsOf, goneSignal, livingInstance, type Call, type Desk } from './call.ts';

/** What `ps` of this machine says of the container's processes, which have the numbers here that the machine gives them. */
export async function topContainer(desk: Desk, call: Call): Promise<void> {
  const { instance } = await livingInstance(desk, call);
  const pids = new Set(controlsOf(desk, 'Listing the processes of a container').processes(instance));
  const words = (call.target.query.get('ps_args') || '-ef').split(/\s+/).filter((word) => word !== '');
  const lines = await listProcesses(words, goneSignal(desk, call.response));
  const titles = (lines[0] ?? '').trim().split(/\s+/);
  const pidColumn = titles.indexOf('PID');
  if (pidColumn < 0)
    throw new MinkeError('BAD_REQUEST', { reason: `Couldn't find PID field in ps output: "ps ${words.join(' ')}"` });
  const rows = lines.slice(1).map((line) => columnsOf(line, titles.length));
  sendJson(call.response, 200, { Titles: titles, Processes: rows.filter((row) => pids.has(Number(row[pidColumn]))) });
}

/** The last column is a command line, which has blanks of its own. */
function columnsOf(line: string, count: number): string[] {
  const words = line.trim().split(/\s+/);
  return [...words.slice(0, count - 1), words.slice(count - 1).join(' ')];
}

async function listProcesses(words: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
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
