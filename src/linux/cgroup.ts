import { existsSync, readFileSync } from 'node:fs';

/** How this machine mounts its cgroups. `hybrid`: v1 controllers beside a v2 tree (cgroups(7)). */
export type CgroupLayout = 'v1' | 'hybrid' | 'v2';

export const cgroupRoot = '/sys/fs/cgroup';

/** The controllers that limit a container. `freezer` is part of every cgroup in v2. */
export const controllers = ['cpu', 'memory', 'pids', 'devices', 'freezer'] as const;
export type Controller = (typeof controllers)[number];

export function cgroupLayout(mounts = readFileSync('/proc/self/mounts', 'utf8')): CgroupLayout {
  const types = mounts.split('\n').flatMap((line) => {
    const [, target = '', type = ''] = line.split(' ');
    return target.startsWith(cgroupRoot) ? [type] : [];
  });
  if (!types.includes('cgroup')) return 'v2';
  return types.includes('cgroup2') ? 'hybrid' : 'v1';
}

/** The v1 controllers that are mounted in folders of their own. */
export function mountedControllers(): readonly Controller[] {
  return controllers.filter((name) => existsSync(`${cgroupRoot}/${name}/cgroup.procs`));
}
