import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import { cgroupLayout, cgroupRoot, mountedControllers } from '../../../linux/cgroup.ts';
import { bindMountTree, mountTmpfs, moveMount, unmount } from '../../../linux/mount.ts';

/**
 * Shows this mount namespace only the controllers that limit containers. crun refuses a host where the v2 tree carries a
 * controller beside v1 ("cgroups in hybrid mode not supported"); in this view it sees pure v1 and enforces everything.
 * It also makes one folder per container in each controller that it sees, so fewer controllers are quicker starts.
 * The tree is moved away and not covered: crun would write folders onto a hidden tmpfs, and runc takes a covered controller
 * for one that it can use.
 */
export function narrowCgroupView(): void {
  if (cgroupLayout() === 'v2') return;
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
