import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { systemClock } from '../../src/observe/clock.ts';
import { untilSuccess } from '../../src/observe/until-success.ts';
import { startDaemon } from '../../test/integration/daemon.ts';
import { castVote, readResult, settledRuns } from '../../test/integration/voting-app.ts';
import type { Figure, Soak, SoakOptions } from './soak.ts';

const examples = fileURLToPath(new URL('../../examples/voting', import.meta.url));
const run = promisify(execFile);

/** Not a test: debootstrap loads half a Debian each time, from wherever this machine gets its packages. */
export const debian: Soak = {
  about: 'the voting app in three languages, one part from a Dockerfile on a Debian made by debootstrap',
  run: soakDebian,
};

async function soakDebian(options: SoakOptions): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'minke-debian-'));
  try {
    cpSync(examples, join(folder, 'voting'), { recursive: true, verbatimSymlinks: true });
    const seconds = await secondsOf(async () => await makeBase(folder, options));
    return [{ what: 'debootstrap', value: seconds, unit: 's' }, ...(await vote(folder, options))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function secondsOf(doing: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await doing();
  return Math.round((performance.now() - startedAt) / 1000);
}

async function makeBase(folder: string, { signal, tell }: SoakOptions): Promise<void> {
  const mirror = await aptMirror();
  const root = join(folder, 'debian');
  const bootstrap = ['--variant=minbase', '--include=postgresql-client', mirror.release, root, mirror.uri];
  tell(`debootstrap ${mirror.release}`);
  const limits = { signal, maxBuffer: 64 * 1024 * 1024 };
  let attempts = 0;
  await untilSuccess(async () => await run('debootstrap', bootstrap, limits), {
    clock: systemClock,
    signal,
    pauses: { first: 5000, longest: 20_000 },
    onFailure: (error) => {
      attempts += 1;
      const failure = debootstrapFailure(error as Failure);
      if (attempts === mostAttempts || (error as Failure).code === 'ENOENT') throw failure;
      tell(`${failure.message}; once more`);
    },
  });
  await run(
    'tar',
    ['-C', root, '--exclude=./dev/*', '-cf', join(folder, 'voting/mixed/result/debian.tar'), '.'],
    limits,
  );
}

/** A server of packages may not answer now and then; what was loaded is not loaded again. */
const mostAttempts = 4;

type Failure = Error & { readonly stdout?: string; readonly code?: string };

function debootstrapFailure(error: Failure): Error {
  if (error.code === 'ENOENT') return new Error('debootstrap is missing; install it: apt-get install debootstrap');
  const last = (error.stdout ?? '').trim().split('\n').slice(-2).join('\n');
  return new Error(`debootstrap failed: ${last}`, { cause: error });
}

/** The first of the machine's own sources that has a whole release. */
async function aptMirror(): Promise<{ readonly uri: string; readonly release: string }> {
  const { stdout } = await run('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI) $(RELEASE)',
    'Created-By: Packages',
  ]);
  const found = stdout
    .split('\n')
    .map((line) => line.split(' '))
    .find(([uri = '', release = '']) => /\/debian\/?$/.test(uri) && /^[a-z]+$/.test(release));
  if (found === undefined)
    throw new Error('apt on this machine knows no Debian release: look at /etc/apt/sources.list');
  const [uri = '', release = ''] = found;
  return { uri, release };
}

async function vote(folder: string, { scale, tell }: SoakOptions): Promise<readonly Figure[]> {
  const fileOf = (name: string): string => join(folder, 'voting', name);
  const choices = Array.from({ length: Math.ceil(20 * scale) }, (_, index) => (index % 3 === 0 ? 'b' : 'a'));
  const daemon = await startDaemon();
  let figures: readonly Figure[] = [];
  let left: readonly string[] = [];
  try {
    const over = [fileOf('compose.debian.yaml')];
    const seconds = await secondsOf(async () => await daemon.up(fileOf('compose.mixed.yaml'), { over }));
    for (const choice of choices) await castVote(daemon.gateway, choice);
    const runs = await settledRuns(daemon.api, 'voting-mixed');
    const result = await readResult(daemon.gateway);
    const wanted = choices.filter((choice) => choice === 'a').length;
    figures = [
      { what: 'up, with the build', value: seconds, unit: 's' },
      { what: 'votes', value: choices.length, unit: 'votes' },
      {
        what: 'votes not recorded',
        value: runs.filter(({ state }) => state !== 'succeeded').length,
        unit: 'votes',
        limit: nothing,
      },
      {
        what: 'votes miscounted',
        value: Math.abs(result.a - wanted) + Math.abs(result.total - choices.length),
        unit: 'votes',
        limit: nothing,
      },
    ];
  } finally {
    left = await daemon.purge();
    for (const line of left) tell(`left after purge: ${line}`);
  }
  return [...figures, { what: 'left after purge', value: left.length, unit: 'lines', limit: nothing }];
}

const nothing = { op: '==', value: 0 } as const;
