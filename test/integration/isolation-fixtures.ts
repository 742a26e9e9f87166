import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The app file of test/fixtures/apps/NAME. */
export const fixtureApp = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/apps/${name}/compose.yaml`, import.meta.url));

/** Runs a program of the host; throws with what it said when it fails. */
export function host(...[program = '', ...args]: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}
