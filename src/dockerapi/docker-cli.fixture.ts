import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';

export interface DockerResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export type DockerCli = (args: readonly string[], input?: string) => Promise<DockerResult>;

/** A stock CLI at a door, with nothing of this machine's own settings. */
export const dockerCli =
  (door: string, program = 'docker'): DockerCli =>
  async (args, input = '') =>
    await runProgram(program, args, doorAt(door), input);

/**
 * The same at a terminal of 33 lines and 111 columns. Each piece of input is typed when what it waits for has been shown; what was shown
 * is answered as it was.
 */
export async function dockerAtTerminal(
  door: string,
  program: string,
  args: readonly string[],
  typed: readonly (readonly [after: string, keys: string])[],
): Promise<DockerResult> {
  const words = args.map((word) => `'${word}'`).join(' ');
  return await atTerminal(`${program} ${words}`, doorAt(door), typed);
}

/** Any line of a shell there. */
export async function atTerminal(
  line: string,
  environment: Readonly<Record<string, string>>,
  typed: readonly (readonly [after: string, keys: string])[],
): Promise<DockerResult> {
  const script = `stty rows 33 columns 111; exec ${line}`;
  return await runProgram('script', ['-qfec', script, '/dev/null'], environment, typed);
}

const doorAt = (door: string): Readonly<Record<string, string>> => ({ DOCKER_HOST: `unix://${door}` });

/** The CLIs of this machine, each once: distributions and Docker itself put theirs in different folders. */
export const dockerPrograms = (): readonly string[] => {
  const versions = new Map<string, string>();
  for (const path of ['/usr/bin/docker', '/usr/local/bin/docker'].filter((one) => existsSync(one))) {
    const { stdout, status } = spawnSync(path, ['--version'], { encoding: 'utf8' });
    if (status === 0) versions.set(stdout, path);
  }
  return [...versions.values()];
};

async function runProgram(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  input: string | readonly (readonly [after: string, keys: string])[],
): Promise<DockerResult> {
  const child = spawn(program, args, {
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', TERM: 'xterm', ...environment },
  });
  let [out, err] = ['', ''];
  const left = typeof input === 'string' ? [] : [...input];
  child.stdout.on('data', (bytes: Buffer) => {
    out += bytes.toString();
    const [next] = left;
    if (next === undefined || !out.includes(next[0])) return;
    left.shift();
    child.stdin.write(next[1]);
  });
  child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()));
  child.stdin.on('error', () => undefined);
  if (typeof input === 'string') child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, out, err };
}
