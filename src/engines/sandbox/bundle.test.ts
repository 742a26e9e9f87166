import { describe, expect, it } from 'vitest';
import { newId } from '../../model/ids.ts';
import type { InstanceSpec } from '../../model/instance.ts';
import { ociConfig } from './bundle.ts';
import { seccompProfile } from './seccomp.ts';

interface Config {
  readonly process: {
    readonly args: readonly string[];
    readonly cwd: string;
    readonly capabilities: Readonly<Record<string, readonly string[]>>;
    readonly noNewPrivileges: boolean;
    readonly oomScoreAdj: number;
  };
  readonly root: { readonly readonly: boolean };
  readonly mounts: readonly { readonly destination: string; readonly options: readonly string[] }[];
  readonly linux: {
    readonly resources: { readonly devices: readonly { readonly allow: boolean; readonly access: string }[] };
    readonly namespaces: readonly { readonly type: string; readonly path?: string }[];
    readonly seccomp?: object;
    readonly maskedPaths?: readonly string[];
    readonly readonlyPaths?: readonly string[];
  };
}

const spec: InstanceSpec = {
  id: newId(),
  app: 'shop',
  name: 'web',
  kind: 'cgi',
  labels: {},
  image: {
    id: 'sha256:0',
    reference: 'web',
    rootPath: '/images/web',
    config: { entrypoint: [], command: [], env: {}, workdir: '', user: '', exposedPorts: [], labels: {}, volumes: [] },
  },
  argv: ['/web'],
  env: {},
  workdir: '',
  user: '',
  hostname: 'web',
  readOnlyRoot: true,
  tmpBytes: 1024,
  mounts: [],
  limits: { memoryBytes: 0, pids: 16, cpus: 0 },
  privileged: false,
  capAdd: [],
  capDrop: [],
  pidNamespace: 'own',
  network: 'app',
  outbound: 'none',
  streams: 'pipes',
  stdin: 'none',
};

const config = (changes: Partial<InstanceSpec> = {}): Config =>
  ociConfig(
    { ...spec, ...changes },
    {
      rootPath: '/images/web',
      user: { uid: 0, gid: 0, additionalGids: [] },
      cgroupPath: '/minke-1/shop/slot-1/x',
      networkNamespace: '/net/slot-1',
      etcFiles: { hosts: '/run/hosts' },
      hasCgroupMount: false,
      files: { '/run/secrets/key': '/home/files/0' },
    },
  ) as Config;

const optionsOf = ({ mounts }: Config, destination: string): readonly string[] =>
  mounts.find((mount) => mount.destination === destination)?.options ?? [];

const effective = (changes: Partial<InstanceSpec>): readonly string[] =>
  config(changes).process.capabilities['effective'] ?? [];

describe('the bundle of a default container', () => {
  it('has namespaces of its own of every kind', () => {
    expect(config().linux.namespaces).toEqual([
      { type: 'pid' },
      { type: 'mount' },
      { type: 'ipc' },
      { type: 'uts' },
      { type: 'cgroup' },
      { type: 'network', path: '/net/slot-1' },
    ]);
  });

  it('gains no privileges, opens no device and has a system call filter', () => {
    const { process, linux } = config();
    expect(process.noNewPrivileges).toBe(true);
    expect(linux.resources.devices).toEqual([{ allow: false, access: 'rwm' }]);
    expect(linux.seccomp).toBeDefined();
    expect(linux.maskedPaths).toContain('/proc/kcore');
    expect(linux.readonlyPaths).toContain('/proc/sys');
  });

  it('writes nothing of the host: neither its root nor the files that minke puts into it', () => {
    expect(config().root.readonly).toBe(true);
    expect(optionsOf(config(), '/etc/hosts')).toContain('ro');
    expect(optionsOf(config({ readOnlyRoot: false }), '/etc/hosts')).toContain('rw');
    expect(optionsOf(config(), '/sys')).toContain('ro');
  });

  it('has no device nodes and no set-uid programs in what is mounted into it', () => {
    const mounts = [
      { type: 'bind' as const, source: '/srv', target: '/srv', readOnly: false },
      { type: 'tmpfs' as const, target: '/scratch', sizeBytes: 4096 },
    ];
    for (const target of ['/srv', '/scratch', '/tmp', '/etc/hosts']) {
      expect([target, optionsOf(config({ mounts }), target)]).toEqual([
        target,
        expect.arrayContaining(['nosuid', 'nodev']),
      ]);
    }
    expect(optionsOf(config({ mounts }), '/scratch')).toContain('size=4096');
  });

  it('goes before a service when the machine is out of memory', () => {
    expect(config({ kind: 'service' }).process.oomScoreAdj).toBe(0);
    for (const kind of ['cgi', 'http', 'task'] as const)
      expect(config({ kind }).process.oomScoreAdj).toBeGreaterThan(0);
  });
});

describe('capabilities', () => {
  it('are the default set, with none to inherit', () => {
    const { capabilities } = config().process;
    expect(capabilities['effective']).toHaveLength(13);
    expect(capabilities['effective']).not.toContain('CAP_MKNOD');
    expect(capabilities['effective']).not.toContain('CAP_SYS_ADMIN');
    expect([capabilities['inheritable'], capabilities['ambient']]).toEqual([[], []]);
  });

  it('are added and dropped by name, with or without CAP_, in either case', () => {
    expect(effective({ capDrop: ['net_raw', 'CAP_CHOWN'] })).toHaveLength(11);
    expect(effective({ capDrop: ['ALL'] })).toEqual([]);
    expect(effective({ capDrop: ['all'], capAdd: ['ALL'], kind: 'service' })).toEqual(effective({ privileged: true }));
  });
});

describe('the system call filter', () => {
  interface Rule {
    readonly names: readonly string[];
    readonly action: string;
    readonly args?: readonly { readonly value: number; readonly op: string }[];
  }
  const profile = seccompProfile('x64') as { readonly defaultAction: string; readonly syscalls: readonly Rule[] };
  const allowed = profile.syscalls.filter((rule) => rule.action === 'SCMP_ACT_ALLOW');
  const always = new Set(allowed.filter((rule) => rule.args === undefined).flatMap((rule) => rule.names));

  it('refuses what it does not name', () => {
    expect(profile.defaultAction).toBe('SCMP_ACT_ERRNO');
  });

  it('names nothing that reaches the kernel itself', () => {
    const never = `mount umount2 pivot_root move_mount open_tree fsopen fsconfig fsmount mount_setattr unshare setns bpf
      perf_event_open keyctl add_key request_key reboot kexec_load kexec_file_load init_module finit_module delete_module
      settimeofday clock_settime swapon swapoff acct sethostname setdomainname syslog open_by_handle_at process_vm_readv
      process_vm_writev userfaultfd io_uring_setup io_uring_enter io_uring_register fanotify_init quotactl kcmp clone3 clone
      personality socket iopl ioperm lookup_dcookie move_pages mbind set_mempolicy vhangup uselib ustat sysfs _sysctl`;
    expect(never.split(/\s+/).filter((name) => always.has(name))).toEqual([]);
  });

  it('allows sockets of the families that ordinary programs use', () => {
    const families = allowed.filter((rule) => rule.names.includes('socket')).flatMap((rule) => rule.args ?? []);
    expect(families).toEqual([1, 2, 10, 16, 17].map((value) => ({ index: 0, value, op: 'SCMP_CMP_EQ' })));
  });

  it('is for one architecture, the one that it is asked for', () => {
    expect(profile).toMatchObject({ architectures: ['SCMP_ARCH_X86_64'] });
    expect(seccompProfile('arm64')).toMatchObject({ architectures: ['SCMP_ARCH_AARCH64'] });
  });

  it('is left out of a privileged container, and only there', () => {
    expect(config({ privileged: true }).linux).not.toHaveProperty('seccomp');
    expect(config({ capAdd: ['ALL'] }).linux).toHaveProperty('seccomp');
  });
});
