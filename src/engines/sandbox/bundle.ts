import { readFileSync } from 'node:fs';
import type { InstanceMount, InstanceSpec } from '../../model/instance.ts';
import { capabilitiesOf } from '../local/capabilities.ts';
import { oomScoreOf } from '../local/oom-score.ts';
import { consoleSizeOf, rlimitsOf, sysctlsOf } from './bundle-settings.ts';
import { seccompProfile } from './seccomp.ts';
import type { OciUser } from '../local/users.ts';

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
      terminal: spec.terminal !== undefined,
      ...consoleSizeOf(spec),
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
      oomScoreAdj: oomScoreOf(spec),
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

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const seccomp = seccompProfile(process.arch);
/** Docker's, or our own where that is lower: nobody may raise it. */
const openFilesLimit = Math.min(1_048_576, ownOpenFilesLimit());

const openFiles = { type: 'RLIMIT_NOFILE', soft: Math.min(65_536, openFilesLimit), hard: openFilesLimit };

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
