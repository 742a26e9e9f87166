import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Finding } from '../../src/cli/doctor/finding.ts';
import { hasProgram } from '../../src/engines/local/host/program.ts';
import { installCommand } from '../../src/model/host.ts';
import { minkeProgram, runCli } from './daemon.ts';
import { leftoversOf } from './leftovers.ts';

// Hosts of other kinds, as far as a mount namespace or a user namespace of its own can make one of this.

const crun = { name: 'crun', purpose: 'runs containers', package: 'crun' };
const hide = (name: string): string =>
  `for folder in /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin; do
     ! test -e $folder/${name} || mount --bind /dev/null $folder/${name}
   done`;

interface UnfitHost {
  readonly title: string;
  readonly unshared: '--mount' | '--user';
  readonly change: string;
  readonly subject: string;
  readonly says: string;
  readonly hint: string | undefined;
}

const unfit: readonly UnfitHost[] = [
  {
    title: 'without crun and runc',
    unshared: '--mount',
    change: `${hide('crun')}; ${hide('runc')}`,
    subject: 'crun',
    says: 'Cannot find "crun", which runs containers',
    hint: `Install it: ${installCommand(crun, { isRoot: true, hasProgram })}`,
  },
  {
    title: 'without root',
    unshared: '--user',
    change: ':',
    subject: 'root',
    says: 'The sandbox needs root',
    hint: 'Run it with sudo.',
  },
  {
    title: 'without cgroups',
    unshared: '--mount',
    change: 'umount --recursive --lazy /sys/fs/cgroup',
    subject: 'cgroups',
    says: 'The sandbox cannot limit what containers use: no cgroups are mounted',
    hint: 'Mount them: mount -t cgroup2 none /sys/fs/cgroup',
  },
];

it.each(unfit)('refuses a host $title, and doctor says the same in the same words', async (host) => {
  const { subject, says, hint } = host;
  const daemon = await onHost(host, ['serve', '--gateway', '127.0.0.1:0']);
  const expected = [`minke: ${says}`, ...(hint === undefined ? [] : [`hint: ${hint}`])];
  expect(daemon.stderr.trim().split('\n')).toEqual(expected);
  expect(daemon.code).not.toBe(0);
  const doctor = await onHost(host, ['doctor', '--format', 'json']);
  expect(doctor.code).toBe(1);
  const { sandbox, findings } = JSON.parse(doctor.stdout) as { sandbox: boolean; findings: Finding[] };
  expect(sandbox).toBe(false);
  expect(findings.find(({ name }) => name === subject)).toMatchObject({ state: 'lacks', means: says, hint });
});

it('takes runc where crun is missing; the daemon and doctor say so in the same words', async () => {
  const host = { unshared: '--mount', change: hide('crun') } as const;
  const says = 'crun is missing: runc starts containers in its place, and takes three times as long';
  const doctor = await onHost(host, ['doctor', '--format', 'json']);
  const { sandbox, findings } = JSON.parse(doctor.stdout) as { sandbox: boolean; findings: Finding[] };
  expect(sandbox).toBe(true);
  expect(findings.find(({ name }) => name === 'runc')).toMatchObject({ state: 'warns', means: says });
  const daemon = await onHost(host, ['serve', '--gateway', '127.0.0.1:0'], 'The daemon answers');
  expect(daemon.stderr).toContain(says);
});

it('says what MINKE_RUNTIME may be', async () => {
  const host = { unshared: '--mount', change: 'export MINKE_RUNTIME=docker' } as const;
  const daemon = await onHost(host, ['serve']);
  expect(daemon.stderr).toContain('MINKE_RUNTIME cannot be "docker"');
  expect(daemon.code).toBe(2);
});

interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line there; with `endsAt`, until it has written that to stderr. Nothing of it may be left. */
async function onHost(
  { unshared, change }: Pick<UnfitHost, 'unshared' | 'change'>,
  args: readonly string[],
  endsAt?: string,
): Promise<Answer> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'minke-unfit-'));
  const script = `${change}; exec "$@"`;
  const child = spawn('unshare', [unshared, 'sh', '-c', script, 'sh', minkeProgram, ...args], {
    env: { ...process.env, MINKE_DATA: dataFolder, MINKE_RUNTIME: '', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  const closed = once(child, 'close') as Promise<[number | null]>;
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  const heard = new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      stderr.push(chunk);
      if (endsAt !== undefined && textOf(stderr).includes(endsAt)) resolve();
    });
  });
  await Promise.race([heard, closed]);
  if (endsAt !== undefined) await runCli(dataFolder, ['shutdown', '--purge'], {});
  const [code] = await closed;
  rmSync(dataFolder, { recursive: true, force: true });
  expect(leftoversOf(dataFolder)).toEqual([]);
  return { code, stdout: textOf(stdout), stderr: textOf(stderr) };
}

const textOf = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString();
