import { describe, expect, it } from 'vitest';
import { cgroupFacts, lacksOf, runtimeFor, type HostFacts } from './host.ts';

const v1 = (controllers: string): string =>
  `cgroup /sys/fs/cgroup/x cgroup rw,relatime,${controllers} 0 0\ntmpfs /tmp tmpfs rw 0 0\n`;
const v2 = 'cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n';

it.each([
  ['pure v2', v2, 'cpuset cpu io memory pids\n', 'v2', []],
  ['pure v1', v1('memory') + v1('pids') + v1('cpu,cpuacct') + v1('devices'), '', 'v1', []],
  ['both', v1('memory,pids,cpu,devices') + v2, '', 'v1 with v2 beside it (hybrid)', []],
  ['v1 only for systemd', v1('name=systemd') + v2, 'cpu memory pids', 'v2', []],
  ['v2 without memory', v2, 'cpu pids', 'v2', ['memory']],
  ['v1 without pids', v1('memory,cpu,devices'), '', 'v1', ['pids']],
  ['none at all', 'proc /proc proc rw 0 0\n', '', 'none', ['memory', 'pids', 'cpu']],
])('tells %s', (_, mounts, v2Controllers, layout, missing) => {
  expect(cgroupFacts({ mounts, v2Controllers })).toEqual({ layout, missing });
});

describe('what a host lacks', () => {
  const hasAll: HostFacts = {
    isRoot: true,
    hasProgram: () => true,
    runtime: undefined,
    mounts: v2,
    v2Controllers: 'cpu memory pids',
  };
  const without = (...names: readonly string[]): HostFacts => ({
    ...hasAll,
    hasProgram: (name) => !names.includes(name),
  });

  it('is nothing where all is there', () => expect(lacksOf(hasAll)).toEqual([]));

  it('is no crun where there is runc, which is taken', () => {
    expect(lacksOf(without('crun'))).toEqual([]);
    expect(runtimeFor(without('crun')).name).toBe('runc');
    expect(runtimeFor(hasAll).name).toBe('crun');
    expect(runtimeFor({ ...hasAll, runtime: 'runc' }).name).toBe('runc');
  });

  it('is crun where there is neither, and the other one where that was asked for', () => {
    const neither = without('crun', 'runc', 'apt-get');
    const install = 'dnf install -y';
    const program = (name: string): object => ({
      subject: name,
      code: 'MISSING_PROGRAM',
      facts: { program: name, purpose: 'runs containers', install: `${install} ${name}` },
    });
    expect(lacksOf(neither)).toEqual([program('crun')]);
    expect(lacksOf({ ...neither, runtime: 'runc' })).toEqual([program('runc')]);
  });

  it('is told most basic first', () => {
    const bare = { ...without('crun', 'runc', 'nft'), isRoot: false, v2Controllers: 'cpu' };
    expect(lacksOf(bare).map(({ subject }) => subject)).toEqual(['root', 'cgroups', 'crun', 'nft']);
  });
});
