import { readFileSync } from 'node:fs';
import type { InstanceKind, InstanceMount, InstanceSpec } from '../../model/instance.ts';
import { rlimitsOf, sysctlsOf } from './bundle-settings.ts';
import { seccompProfile } from './seccomp.ts';
import type { OciUser } from './users.ts';

/** What a spec does not say: what the engine found or made for this instance. */
export interface BundleFacts {
  readonly rootPath: string;
  readonly user: OciUser;
  /** Below the controllers' roots. */
  readonly cgroupPath: string;
  /** File of a network namespace; undefined = a new, empty one. */
  readonly networkNamespace: string | undefined;
  /** Host files shown at /etc/hosts, /etc/resolv.conf, /etc/hostname. */
  readonly etcFiles: Readonly<Record<string, string>>;
  readonly hasCgroupMount: boolean;
  /** Host files of the instance's own, by their path in it. */
  readonly files: Readonly<Record<string, string>>;
}

/** The OCI runtime configuration (runtime-spec 1.0, config.md) of one instance. */
export function ociConfig(spec: InstanceSpec, facts: BundleFacts): object {
  const capabilities = capabilitiesOf(spec);
  const { settings = {} } = spec;
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: facts.user,
      args: spec.argv,
      env: Object.entries({ PATH: defaultPath, ...spec.env }).map(([key, value]) => `${key}=${value}`),
      cwd: spec.workdir === '' ? '/' : spec.workdir,
      capabilities: {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
        inheritable: [],
        ambient: [],
      },
      rlimits: rlimitsOf([openFiles], settings),
      noNewPrivileges: !spec.privileged,
      oomScoreAdj: settings.oomScoreAdj ?? oomScoreAdjustments[spec.kind],
    },
    root: { path: facts.rootPath, readonly: spec.readOnlyRoot },
    hostname: spec.hostname,
    mounts: mountsOf(spec, facts),
    annotations: settings.annotations ?? {},
    linux: {
      cgroupsPath: facts.cgroupPath,
      resources: { devices: [{ allow: spec.privileged, access: 'rwm' }] },
      sysctl: sysctlsOf(settings),
      namespaces: namespacesOf(spec, facts.networkNamespace),
      ...(spec.privileged ? {} : { seccomp, maskedPaths, readonlyPaths }),
    },
  };
}

/**
 * proc(5), /proc/PID/oom_score_adj. When the whole machine is out of memory, what can be done again goes before what keeps
 * state. Never inherited: a daemon that its own supervisor protects would protect every container.
 */
const oomScoreAdjustments: Readonly<Record<InstanceKind, number>> = {
  service: 0,
  container: 100,
  http: 300,
  cgi: 300,
  task: 300,
};

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const seccomp = seccompProfile(process.arch);
/** Docker's, or our own where that is lower: nobody may raise it. */
const openFilesLimit = Math.min(1_048_576, ownOpenFilesLimit());

const openFiles = { type: 'RLIMIT_NOFILE', soft: Math.min(65_536, openFilesLimit), hard: openFilesLimit };

/** Docker's default set less CAP_MKNOD: no program that we know of needs device nodes of its own. */
const defaultCapabilities = [
  'CAP_AUDIT_WRITE',
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_CHROOT',
];

const ownCapabilities = readOwnCapabilities();
/** Names of capabilities(7) in the order of their numbers, as far as we have them ourselves: nobody can give what he lacks. */
const allCapabilities = `chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
  net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct
  sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap
  mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore`
  .split(/\s+/)
  .map((name) => `CAP_${name.toUpperCase()}`)
  .filter((_, number) => ((ownCapabilities >> BigInt(number)) & 1n) === 1n);

const maskedPaths = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** The hard limit of this process (proc(5), /proc/PID/limits). */
function ownOpenFilesLimit(): number {
  const line = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return line?.[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(line?.[1] ?? 4096);
}

/** Bits of capabilities(7) (proc(5), /proc/PID/status). */
function readOwnCapabilities(): bigint {
  const effective = /^CapEff:\s+(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return BigInt(`0x${effective}`);
}

function capabilitiesOf(spec: InstanceSpec): readonly string[] {
  if (spec.privileged) return allCapabilities;
  const named = (names: readonly string[]): Set<string> =>
    new Set(
      names
        .map((name) => name.toUpperCase())
        .map((name) => (name === 'ALL' || name.startsWith('CAP_') ? name : `CAP_${name}`)),
    );
  const [added, dropped] = [named(spec.capAdd), named(spec.capDrop)];
  const base = added.has('ALL') ? allCapabilities : dropped.has('ALL') ? [] : defaultCapabilities;
  const kept = base.filter((name) => !dropped.has(name));
  return [...new Set([...kept, ...allCapabilities.filter((name) => added.has(name))])];
}

function namespacesOf(spec: InstanceSpec, network: string | undefined): object[] {
  return [
    ...(spec.pidNamespace === 'host' ? [] : [{ type: 'pid' }]),
    { type: 'mount' },
    { type: 'ipc' },
    { type: 'uts' },
    { type: 'cgroup' },
    network === undefined ? { type: 'network' } : { type: 'network', path: network },
  ];
}

function mountsOf(spec: InstanceSpec, facts: BundleFacts): object[] {
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    tmpfs('/dev', 65_536 * 1024, ['nosuid', 'strictatime', 'mode=755']),
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    tmpfs('/dev/shm', spec.settings?.shmBytes ?? 64 * 1024 * 1024, ['nosuid', 'noexec', 'nodev', 'mode=1777']),
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/sys',
      type: 'sysfs',
      source: 'sysfs',
      options: ['nosuid', 'noexec', 'nodev', spec.privileged ? 'rw' : 'ro'],
    },
    ...(facts.hasCgroupMount
      ? [
          {
            destination: '/sys/fs/cgroup',
            type: 'cgroup',
            source: 'cgroup',
            options: ['ro', 'nosuid', 'noexec', 'nodev'],
          },
        ]
      : []),
    ...(spec.tmpBytes > 0 ? [tmpfs('/tmp', spec.tmpBytes, ['nosuid', 'nodev', 'mode=1777'])] : []),
    ...spec.mounts.map(toMount),
    ...Object.entries(facts.files).map(([target, source]) => bind(source, target, true)),
    // Files of the host: where they may be written, they grow at the host's expense.
    ...Object.entries(facts.etcFiles).map(([name, source]) => bind(source, `/etc/${name}`, spec.readOnlyRoot)),
  ];
}

function toMount(mount: InstanceMount): object {
  if (mount.type === 'tmpfs') {
    return tmpfs(mount.target, mount.sizeBytes, ['nosuid', 'nodev', 'mode=1777', ...(mount.options ?? [])]);
  }
  return bind(mount.source, mount.target, mount.readOnly);
}

function bind(source: string, destination: string, readOnly: boolean): object {
  return {
    destination,
    type: 'bind',
    source,
    options: ['rbind', 'rprivate', readOnly ? 'ro' : 'rw', 'nosuid', 'nodev'],
  };
}

function tmpfs(destination: string, sizeBytes: number, options: readonly string[]): object {
  return {
    destination,
    type: 'tmpfs',
    source: 'tmpfs',
    options: [...options, ...(sizeBytes > 0 ? [`size=${sizeBytes}`] : [])],
  };
}
