import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunOptions } from '../../src/model/run.ts';
import { startDaemon, type TestDaemon } from './daemon.ts';
import { fixtureApp, host } from './isolation-fixtures.ts';
import { runsOf, type RunTask } from './isolation-runs.ts';

/** Docker's default capabilities less CAP_MKNOD. */
const capabilities = '00000000a00425fb';
const folder = mkdtempSync(join(tmpdir(), 'minke-isolation-'));
let daemon: TestDaemon;
let runTask: RunTask;

beforeAll(async () => {
  daemon = await startDaemon();
  await daemon.up(fixtureApp('isolation'));
  runTask = runsOf(daemon, 'isolation');
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  expect(await daemon.purge(), 'left on the host').toEqual([]);
});

/** What a shell says in a container of the probe, both streams, where every applet of busybox is a command. */
async function shell(script: string, options: RunOptions = {}): Promise<string> {
  const applets = `mkdir -p /tmp/bin; /bin/busybox --install -s /tmp/bin 2>/dev/null; PATH=/tmp/bin:/usr/bin; exec 2>&1`;
  const { stdout, run } = await runTask('probe', [`/bin/busybox ${applets}\n${script}`], options);
  if (run.error !== undefined && run.error.code !== 'RUN_FAILED') throw new Error(run.error.message);
  return stdout;
}

const field = (status: string, name: string): string | undefined =>
  new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1];

describe('a default container', () => {
  it.each([
    ['task', async () => await shell('cat /proc/self/status')],
    ['cgi', async () => await (await fetch(`${daemon.gateway}/page`)).text()],
  ])('of a %s has a system call filter, gains no privileges and has the stated capabilities', async (_, statusOf) => {
    const status = await statusOf();
    expect(field(status, 'Seccomp')).toBe('2');
    expect(field(status, 'NoNewPrivs')).toBe('1');
    for (const set of ['CapEff', 'CapPrm', 'CapBnd']) expect([set, field(status, set)]).toEqual([set, capabilities]);
    for (const set of ['CapInh', 'CapAmb']) expect([set, field(status, set)]).toEqual([set, '0'.repeat(16)]);
  });

  it('has no capability at all as another user than root', async () => {
    const status = await shell('cat /proc/self/status', { user: '1000:1000' });
    expect(field(status, 'Uid')).toBe('1000\t1000\t1000\t1000');
    expect(field(status, 'CapEff')).toBe('0'.repeat(16));
    expect(field(status, 'CapPrm')).toBe('0'.repeat(16));
  });

  it('inherits no descriptor but its three streams', async () => {
    // The fourth is the folder that ls reads.
    expect((await shell('ls -1 /proc/self/fd')).trim().split('\n')).toEqual(['0', '1', '2', '3']);
    const page = await (await fetch(`${daemon.gateway}/page`)).text();
    expect(page.trim().split('\n').slice(-4)).toEqual(['0', '1', '2', '3']);
  });

  it('sees its own processes, its own root of each cgroup tree and no cgroup files', async () => {
    const text = await shell(
      'ls -1 /proc | grep -c "^[0-9]"; cut -d: -f3 /proc/self/cgroup | sort -u; ls /sys/fs/cgroup',
    );
    const [count, ...rest] = text.trim().split('\n');
    expect(Number(count)).toBeLessThanOrEqual(4);
    expect(rest).toEqual(['/']);
    expect(await shell('cat /proc/self/mountinfo')).not.toContain('cgroup');
  });

  it('may write nothing but its own temporary folders', async () => {
    const places = ['/', '/usr', '/etc', '/app', '/bin', '/run', '/etc/hosts', '/etc/resolv.conf', '/etc/hostname'];
    const writes = places.map(
      (place) => `(test -d ${place} && : >${place}/x || : >>${place}) 2>/dev/null && echo ${place}`,
    );
    expect(await shell(`${writes.join('\n')}\n: >/tmp/x && echo tmp`)).toBe('tmp\n');
  });

  it('cannot turn a switch of the kernel', async () => {
    const switches = [
      '/proc/sys/kernel/hostname',
      '/proc/sys/kernel/core_pattern',
      '/proc/sys/net/ipv4/ip_forward',
      '/proc/sys/vm/drop_caches',
      '/proc/sysrq-trigger',
      '/proc/irq/default_smp_affinity',
      '/sys/kernel/uevent_helper',
      '/sys/kernel/mm/transparent_hugepage/enabled',
    ];
    const tries = switches.map((path) => `(: >>${path}) 2>/dev/null && echo ${path}`);
    expect(await shell(`${tries.join('\n')}\nread -r x </proc/sys/kernel/hostname && echo readable`)).toBe(
      'readable\n',
    );
  });

  it('reads nothing where the kernel tells of the whole machine', async () => {
    const paths = '/proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/interrupts /proc/latency_stats';
    const folders = '/proc/acpi /proc/scsi /sys/firmware /sys/devices/virtual/powercap';
    expect(
      await shell(`for f in ${paths}; do test -e $f && head -c1 $f | wc -c; done | grep -v '^0$'
        for f in ${folders}; do test -e $f && ls -A $f; done; dmesg 2>&1 | head -1`),
    ).toMatch(/^dmesg: klogctl: Operation not permitted\n$/);
  });
});

describe('device nodes', () => {
  const disk = statSync(folder).dev;
  const [major, minor] = [
    Number((BigInt(disk) >> 8n) & 0xfffn),
    Number((BigInt(disk) & 0xffn) | ((BigInt(disk) >> 12n) & 0xfff00n)),
  ];
  const nodes = { disk: `b ${major} ${minor}`, memory: 'c 1 1', log: 'c 1 11' };
  const readEach = 'for n in disk memory log; do head -c1 $n >/dev/null && echo "$n opens"; done';

  it('cannot be made', async () => {
    expect(await shell(`mknod /tmp/disk ${nodes.disk} || mknod /dev/disk ${nodes.disk} || echo refused`)).toMatch(
      /(?:mknod: .*Operation not permitted\n){2}refused/,
    );
  });

  it('cannot be opened even where CAP_MKNOD makes them on a file system that takes them', async () => {
    const made = Object.entries(nodes).map(([name, kind]) => `mknod ${name} ${kind} && echo "${name} made"`);
    const options = { capAdd: ['MKNOD'], readOnlyRoot: false };
    for (const place of ['/dev', '/']) {
      const said = await shell(`cd ${place}; ${made.join('\n')}\n${readEach}`, options);
      expect(said.match(/made/g)).toHaveLength(3);
      expect(said.match(/Operation not permitted/g)).toHaveLength(3);
      expect(said).not.toContain('opens');
    }
  });

  it('of the host cannot be opened by root with every capability, and can by a privileged container', async () => {
    for (const [name, kind] of Object.entries(nodes)) host('mknod', join(folder, name), ...kind.split(' '));
    const mounts = [{ type: 'bind' as const, source: folder, target: '/mnt', readOnly: false }];
    const said = await shell(`cd /mnt && ls -1; ${readEach}`, { mounts, capAdd: ['ALL'] });
    expect(said).toMatch(/^disk\nlog\nmemory\n/);
    expect(said).not.toContain('opens');
    expect(said.match(/head: \w+: /g)).toHaveLength(3);
    const log = `mknod /log ${nodes.log}; head -c1 /log >/dev/null && echo opens`;
    expect(await shell(log, { privileged: true, readOnlyRoot: false })).toBe('opens\n');
  });
});

describe('system calls', () => {
  const column = process.arch === 'arm64' ? 1 : 0;
  /** Name, numbers (x86-64, arm64; from the kernel's tables), arguments that do no harm where the call is allowed. */
  const calls: readonly (readonly [string, readonly [number, number], string?])[] = [
    ['mount', [165, 40], '0,0,0,0,0'],
    ['umount2', [166, 39], '0,0'],
    ['pivot_root', [155, 41], '0,0'],
    ['move_mount', [429, 429], '-1,0,-1,0,0'],
    ['open_tree', [428, 428], '-1,0,0'],
    ['fsopen', [430, 430], '0,0'],
    ['unshare', [272, 97], '0'],
    ['setns', [308, 268], '-1,0'],
    ['clone-with-namespace', [56, 220], '0x10000000'],
    ['bpf', [321, 280], '999,0,0'],
    ['perf_event_open', [298, 241], '0,0,0,-1,0'],
    ['keyctl', [250, 219], '999'],
    ['add_key', [248, 217], '0,0,0,0,0'],
    ['request_key', [249, 218], '0,0,0,0'],
    ['reboot', [169, 142], '0,0,0,0'],
    ['kexec_load', [246, 104], '0,0,0,-1'],
    ['init_module', [175, 105], '0,0,0'],
    ['finit_module', [313, 273], '-1,0,0'],
    ['delete_module', [176, 106], '0,0'],
    ['settimeofday', [164, 170], '-1,0'],
    ['clock_settime', [227, 112], '999,0'],
    ['swapon', [167, 224], '0,0'],
    ['acct', [163, 89], '-1'],
    ['sethostname', [170, 161], '0,-1'],
    ['syslog', [103, 116], '99,0,0'],
    ['open_by_handle_at', [304, 265], '-1,0,0'],
    ['process_vm_readv', [310, 270], '999999,0,0,0,0,0'],
    ['userfaultfd', [323, 282], '-1'],
    ['io_uring_setup', [425, 425], '0,0'],
    ['fanotify_init', [300, 262], '-1,0'],
    ['quotactl', [179, 60], '-1,0,0,0'],
    ['kcmp', [312, 272], '999999,999999,0,0,0'],
    ['personality-without-randomization', [135, 92], '0x40000'],
    ['socket-of-a-hypervisor', [41, 198], '40,1,0'],
    ['socket-of-kernel-cryptography', [41, 198], '38,5,0'],
    ['socket-of-a-bluetooth-device', [41, 198], '31,3,1'],
    ['socket-of-a-can-bus', [41, 198], '29,3,1'],
  ];
  const make = async (options: RunOptions): Promise<Map<string, string>> => {
    const words = calls.map(([name, numbers, args = '']) => {
      const plain = args.split(',').map(Number).join(',');
      return `${name}:${numbers[column]}:${plain}`;
    });
    const said = await shell(`perl /app/system-calls.pl ${words.join(' ')}`, options);
    return new Map(
      said
        .trim()
        .split('\n')
        .map((line): [string, string] => [line.split(' ')[0] ?? '', line.slice(line.indexOf(' ') + 1)]),
    );
  };

  it('that reach the kernel itself are refused, even with every capability', async () => {
    const answers = await make({ capAdd: ['ALL'] });
    expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(calls.map(([name]) => [name, '1'])));
  });

  it('are made by a privileged container: it is the filter that refuses them', async () => {
    const answers = await make({ privileged: true });
    const refused = [...answers].filter(([, answer]) => answer === '1').map(([name]) => name);
    expect(answers.size).toBe(calls.length);
    expect(refused).toEqual([]);
  });

  it.runIf(process.arch === 'x64')('of another interface of the processor end the program', async () => {
    const x32 = 0x4000_0000;
    expect(await shell(`perl /app/system-calls.pl getpid:39: getpid-of-x32:${x32 + 39}:`)).toMatch(
      /^getpid ok\ngetpid-of-x32 killed 31\n$/,
    );
  });

  it('that ordinary programs make are allowed', async () => {
    const [socket, chroot] = column === 0 ? [41, 161] : [198, 51];
    const sockets = { unix: '1,1,0', internet: '2,1,0', routes: '16,3,0', packets: '17,3,0' };
    const words = Object.entries(sockets).map(([name, args]) => `${name}:${socket}:${args}`);
    expect(await shell(`perl /app/system-calls.pl ${words.join(' ')} chroot:${chroot}:0 | cut -d' ' -f1,2`)).toBe(
      'unix ok\ninternet ok\nroutes ok\npackets ok\nchroot 14\n',
    );
  });
});

describe('a network place that is used again', () => {
  it('has nothing of a container that could change it', async () => {
    const changed = await shell('ip addr add 10.99.0.1/32 dev eth0 && ip addr show dev eth0', {
      capAdd: ['NET_ADMIN'],
    });
    expect(changed).toContain('10.99.0.1');
    const others = await Promise.all([1, 2, 3, 4].map(async () => await shell('ip addr show dev eth0')));
    for (const other of others) {
      expect(other).toContain('inet 10.');
      expect(other).not.toContain('10.99.0.1');
    }
  });
});
