import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { cgroupLayout, cgroupRoot, mountedControllers } from '../../../linux/cgroup.ts';
import { bindMountTree, mountTmpfs, moveMount, unmount } from '../../../linux/mount.ts';

/**
 * Shows this mount namespace only the controllers that limit containers. crun refuses a host where the v2 tree carries a
 * controller beside v1 ("cgroups in hybrid mode not supported"); in this view it sees pure v1 and enforces everything.
 * It also makes one folder per container in each controller that it sees, so fewer controllers are quicker starts.
 * The tree is moved away and not covered: crun would write folders onto a hidden tmpfs, and runc takes a covered controller
 * for one that it can use.
 */
export function narrowCgroupView(runtime: string): void {
  if (cgroupLayout() === 'v2') {
    if (runtime === 'crun') hideControllers();
    return;
  }
  const names = mountedControllers();
  const aside = mkdtempSync('/tmp/minke-cgroups-');
  bindMountTree(cgroupRoot, aside);
  unmount(cgroupRoot);
  mountTmpfs(cgroupRoot);
  for (const name of names) {
    mkdirSync(`${cgroupRoot}/${name}`);
    moveMount(`${aside}/${name}`, `${cgroupRoot}/${name}`);
  }
  unmount(aside);
  rmdirSync(aside);
}

/**
 * On v2 crun reads here what it hands down to a container's group, which is everything. `pids` must stay with the group around
 * it (cgroups.ts), and with fewer controllers a group is made and removed the quicker. runc opens the file in a way that no
 * mount can stand in for (openat2(2), RESOLVE_NO_XDEV).
 */
function hideControllers(): void {
  const file = `${cgroupRoot}/cgroup.controllers`;
  const shown = readFileSync(file, 'utf8')
    .split(/\s+/)
    .filter((name) => name === 'cpu' || name === 'memory');
  const folder = mkdtempSync('/tmp/minke-cgroups-');
  const stand = `${folder}/cgroup.controllers`;
  writeFileSync(stand, `${shown.join(' ')}\n`);
  bindMountTree(stand, file);
  rmSync(folder, { recursive: true });
}
