import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { text } from 'node:stream/consumers';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const cache = fileURLToPath(new URL('../../../node_modules/.cache/minke', import.meta.url));

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string | Buffer;
}

export interface CliResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** Runs the real command line in a process of its own, its streams in pipes, to its end. */
export async function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const { child, result } = startCli(args, options);
  child.stdin?.end(options.input);
  return result;
}

/** The same, while it runs: for signals and for output as it comes. */
export function startCli(
  args: readonly string[],
  { env = {}, cwd = '/' }: CliOptions,
): { child: ChildProcess; result: Promise<CliResult> } {
  const child = spawn(process.execPath, [main, ...args], { cwd, env: { ...baseEnv(), ...env } });
  child.stdin.on('error', () => undefined); // it may end without reading its input
  const result = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return {
    child,
    result: result.then(([stdout, stderr, [code]]) => ({ stdout, stderr, code: Number(code) })),
  };
}

/** Runs a line of bash in which `minke` is the real command line. The exit code is that of the last part that failed. */
export async function shell(line: string, { env = {}, cwd = '/' }: CliOptions): Promise<CliResult> {
  const script = `set -o pipefail; minke() { '${process.execPath}' '${main}' "$@"; }; ${line}`;
  const child = spawn('bash', ['-c', script], { cwd, env: { ...baseEnv(), ...env } });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { stdout, stderr, code: Number(code) };
}

function baseEnv(): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: '/nonexistent', NODE_COMPILE_CACHE: cache };
}
