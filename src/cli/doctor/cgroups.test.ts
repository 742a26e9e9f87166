import { expect, it } from 'vitest';
import { checkCgroups } from './cgroups.ts';

const v1 = (controllers: string): string =>
  `cgroup /sys/fs/cgroup/x cgroup rw,relatime,${controllers} 0 0\ntmpfs /tmp tmpfs rw 0 0\n`;
const v2 = 'cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n';

it.each([
  ['pure v2', v2, 'cpuset cpu io memory pids\n', 'ok', 'v2'],
  ['pure v1', v1('memory') + v1('pids') + v1('cpu,cpuacct') + v1('devices'), '', 'ok', 'v1'],
  ['both', v1('memory,pids,cpu,devices') + v2, '', 'ok', 'v1 with v2 beside it (hybrid)'],
  ['v1 only for systemd', v1('name=systemd') + v2, 'cpu memory pids', 'ok', 'v2'],
  ['v2 without memory', v2, 'cpu pids', 'lacks', 'v2, without memory'],
  ['v1 without pids', v1('memory,cpu,devices'), '', 'lacks', 'v1, without pids'],
  ['none at all', 'proc /proc proc rw 0 0\n', '', 'lacks', 'none'],
])('tells %s', (_, mounts, controllers, state, found) => {
  expect(checkCgroups(mounts, controllers)).toMatchObject({ name: 'cgroups', state, found });
});
