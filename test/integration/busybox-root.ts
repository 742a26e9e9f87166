import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** A root file system of Debian's static busybox and its links: the smallest image that has a shell. */
export function makeBusyboxRoot(folder: string): void {
  for (const name of ['bin', 'proc', 'sys', 'dev', 'tmp', 'etc', 'run/minke', 'var']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  copyFileSync('/bin/busybox', join(folder, 'bin/busybox'));
  const applets = spawnSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).stdout.trim().split('\n');
  for (const applet of applets) {
    if (applet !== 'busybox') symlinkSync('busybox', join(folder, 'bin', applet));
  }
}
