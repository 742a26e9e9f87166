/** What the sandbox looks at on a host. Whoever asks has looked: nothing here touches the machine. */
export interface HostFacts {
  readonly isRoot: boolean;
  readonly hasProgram: (name: string) => boolean;
  /** The runtime that was asked for; undefined = the best there is. */
  readonly runtime: string | undefined;
  /** /proc/self/mounts (proc_mounts(5)). */
  readonly mounts: string;
  /** /sys/fs/cgroup/cgroup.controllers; empty on v1. */
  readonly v2Controllers: string;
}

/** Why the sandbox cannot work on a host: a code of the catalogue of errors, and the facts that fill its text. */
export interface Lack {
  /** What it is about: a program, `root` or `cgroups`. */
  readonly subject: string;
  readonly code: 'NOT_ROOT' | 'MISSING_PROGRAM' | 'CGROUPS_UNUSABLE';
  readonly facts: Readonly<Record<string, string>>;
}

export interface HostProgram {
  readonly name: string;
  /** Ends the sentence "X, which ...". */
  readonly purpose: string;
  /** Debian's; other distributions mostly call it the same. */
  readonly package: string;
}

/** In the order in which they are taken. */
export const runtimes: readonly HostProgram[] = [
  { name: 'crun', purpose: 'runs containers', package: 'crun' },
  { name: 'runc', purpose: 'runs containers', package: 'runc' },
];

export const neededPrograms: readonly HostProgram[] = [
  { name: 'nft', purpose: "writes the rules of an app's network", package: 'nftables' },
  { name: 'ip', purpose: "makes an app's network", package: 'iproute2' },
  { name: 'nsenter', purpose: 'enters namespaces', package: 'util-linux' },
  { name: 'unshare', purpose: 'makes namespaces', package: 'util-linux' },
];

/** Most basic first. The daemon refuses to start with the first one; `minke doctor` tells them all, in the same words. */
export function lacksOf(facts: HostFacts): readonly Lack[] {
  const missing = [runtimeFor(facts), ...neededPrograms].filter(({ name }) => !facts.hasProgram(name));
  return [
    ...(facts.isRoot ? [] : [{ subject: 'root', code: 'NOT_ROOT', facts: {} } as const]),
    ...cgroupLack(facts),
    ...missing.map((program) => missingProgram(program, facts)),
  ];
}

/** The runtime that will be used, or else the one that had better be there. */
export function runtimeFor({ runtime, hasProgram }: HostFacts): HostProgram {
  const [best, ...others] = runtimes.filter(({ name }) => runtime === undefined || name === runtime);
  if (best === undefined) return { name: runtime ?? '', purpose: 'runs containers', package: runtime ?? '' };
  return [best, ...others].find(({ name }) => hasProgram(name)) ?? best;
}

export function missingProgram(program: HostProgram, facts: Pick<HostFacts, 'isRoot' | 'hasProgram'>): Lack {
  const { name, purpose } = program;
  const install = installCommand(program, facts);
  return { subject: name, code: 'MISSING_PROGRAM', facts: { program: name, purpose, install } };
}

const installers: readonly (readonly [program: string, command: string])[] = [
  ['apt-get', 'apt-get install -y'],
  ['dnf', 'dnf install -y'],
  ['zypper', 'zypper install -y'],
  ['pacman', 'pacman -S --noconfirm'],
  ['apk', 'apk add'],
];

export function installCommand(
  program: HostProgram,
  { isRoot, hasProgram }: Pick<HostFacts, 'isRoot' | 'hasProgram'>,
): string {
  const found = installers.find(([name]) => hasProgram(name));
  return `${isRoot ? '' : 'sudo '}${found?.[1] ?? 'install'} ${program.package}`;
}

/** The controllers that the sandbox sets limits with; on v2 device rules are a BPF program and need none. */
const neededV1 = ['memory', 'pids', 'cpu', 'devices'];
const neededV2 = ['memory', 'pids', 'cpu'];

export interface CgroupFacts {
  readonly layout: 'v1' | 'v1 with v2 beside it (hybrid)' | 'v2' | 'none';
  /** Controllers that the sandbox needs and does not find. */
  readonly missing: readonly string[];
}

export function cgroupFacts({ mounts, v2Controllers }: Pick<HostFacts, 'mounts' | 'v2Controllers'>): CgroupFacts {
  const rows = mounts.split('\n').map((line) => line.split(' '));
  const v1 = rows.filter(([, , type]) => type === 'cgroup').flatMap(([, , , options = '']) => options.split(','));
  const hasV2 = rows.some(([, , type]) => type === 'cgroup2');
  if (v1.length === 0 && !hasV2) return { layout: 'none', missing: neededV2 };
  // Controllers of v1 are only where somebody mounts them: a tree of systemd's alone holds none.
  const isV1 = neededV1.some((controller) => v1.includes(controller));
  const present = isV1 ? v1 : v2Controllers.trim().split(/\s+/);
  return {
    layout: isV1 ? (hasV2 ? 'v1 with v2 beside it (hybrid)' : 'v1') : 'v2',
    missing: (isV1 ? neededV1 : neededV2).filter((controller) => !present.includes(controller)),
  };
}

function cgroupLack(host: HostFacts): Lack[] {
  const { layout, missing } = cgroupFacts(host);
  if (missing.length === 0) return [];
  const facts =
    layout === 'none'
      ? { reason: 'no cgroups are mounted', mend: 'mount -t cgroup2 none /sys/fs/cgroup' }
      : { reason: `cgroups ${layout} lack ${missing.join(', ')}: the kernel has them not, or keeps them from here` };
  return [{ subject: 'cgroups', code: 'CGROUPS_UNUSABLE', facts }];
}
