import { lacks, ok, type Finding } from './finding.ts';

/** The controllers that the sandbox sets limits with; on v2 device rules are a BPF program and need none. */
const neededV1 = ['memory', 'pids', 'cpu', 'devices'];
const neededV2 = ['memory', 'pids', 'cpu'];

/** Which cgroups there are, by /proc/mounts (proc_mounts(5)) and, on v2, by the root's cgroup.controllers. */
export function checkCgroups(mounts: string, v2Controllers: string): Finding {
  const rows = mounts.split('\n').map((line) => line.split(' '));
  const v1 = rows.filter(([, , type]) => type === 'cgroup').flatMap(([, , , options = '']) => options.split(','));
  const hasV2 = rows.some(([, , type]) => type === 'cgroup2');
  if (v1.length === 0 && !hasV2) {
    return lacks(
      'cgroups',
      'none',
      'the sandbox cannot limit what containers use',
      'mount -t cgroup2 none /sys/fs/cgroup',
    );
  }
  const isV1 = neededV1.some((controller) => v1.includes(controller));
  const version = isV1 ? (hasV2 ? 'v1 with v2 beside it (hybrid)' : 'v1') : 'v2';
  const present = isV1 ? v1 : v2Controllers.trim().split(/\s+/);
  const missing = (isV1 ? neededV1 : neededV2).filter((controller) => !present.includes(controller));
  if (missing.length === 0) return ok('cgroups', version);
  const means = 'the sandbox cannot limit what containers use: the kernel was started without, or keeps them from here';
  return lacks('cgroups', `${version}, without ${missing.join(', ')}`, means);
}
