import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { initProgram, spawnMachine, type GuestKind } from './guest.ts';

/**
 * A virtual machine without the help of a processor, with Debian's kernel for clouds: everything that a host of today has,
 * and slow. The kernel is fetched as a package and unpacked, not installed.
 */
export const qemu: GuestKind = {
  boot: async (folder, words) => {
    const socket = join(folder, 'files.sock');
    const files = serveFiles(socket);
    for (let looks = 0; !existsSync(socket); looks += 1) {
      if (looks > 200 || files.exitCode !== null) throw new Error('virtiofsd does not come up');
      await delay(50);
    }
    const machine = spawnMachine('qemu-system-x86_64', machineArguments(folder, socket, words));
    machine.once('close', () => files.kill());
    return machine;
  },
  modules: async (folder) => {
    unpackKernel(folder);
    writeFirstFiles(folder);
    return await Promise.resolve(join(folder, 'kernel/lib/modules'));
  },
};

const fileServer = '/usr/lib/qemu/virtiofsd';

/** Why it cannot be used here; undefined where it can. */
export function whyNoQemu(): string | undefined {
  const isThere = existsSync('/usr/bin/qemu-system-x86_64') && existsSync(fileServer);
  return isThere ? undefined : 'it needs a virtual machine: apt-get install --no-install-recommends qemu-system-x86';
}

function serveFiles(socket: string): ChildProcess {
  return spawn(fileServer, [`--socket-path=${socket}`, '-o', 'source=/,sandbox=chroot,cache=always', '-f'], {
    stdio: 'ignore',
  });
}

function machineArguments(folder: string, socket: string, words: readonly string[]): string[] {
  const memory = '2G';
  const console = ['-nodefaults', '-no-reboot', '-display', 'none', '-monitor', 'none', '-serial', 'stdio'];
  const machine = ['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', memory];
  const shared = [`memory-backend-memfd,id=memory,size=${memory},share=on`, `socket,id=files,path=${socket}`] as const;
  const memoryOptions = ['-object', shared[0], '-numa', 'node,memdev=memory'];
  const fileOptions = ['-chardev', shared[1], '-device', 'vhost-user-fs-pci,chardev=files,tag=host'];
  const kernel = ['-kernel', kernelOf(folder), '-initrd', join(folder, 'first.img')];
  const append = ['-append', ['console=ttyS0', 'quiet', 'panic=-1', ...words].join(' ')];
  return [...console, ...machine, ...memoryOptions, ...fileOptions, ...kernel, ...append];
}

function unpackKernel(folder: string): void {
  const depends = run('apt-cache', ['depends', 'linux-image-cloud-amd64'], folder);
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new Error('apt does not know linux-image-cloud-amd64');
  // The account that apt fetches with may not write into a folder of ours.
  run('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', name], folder);
  const file = readdirSync(folder).find((entry) => entry.endsWith('.deb')) ?? '';
  run('dpkg-deb', ['--extract', file, 'kernel'], folder);
  run('busybox', ['depmod', '-b', 'kernel', releaseOf(folder)], folder);
}

const releaseOf = (folder: string): string => readdirSync(join(folder, 'kernel/lib/modules'))[0] ?? '';
const kernelOf = (folder: string): string => join(folder, 'kernel/boot', `vmlinuz-${releaseOf(folder)}`);

/** In the order in which they need one another. */
const fileModules = [
  ...['virtio/virtio_ring', 'virtio/virtio', 'virtio/virtio_pci_legacy_dev', 'virtio/virtio_pci_modern_dev'].map(
    (name) => `drivers/${name}`,
  ),
  'drivers/virtio/virtio_pci',
  'fs/fuse/fuse',
  'fs/fuse/virtiofs',
];

/** What mounts this machine's files: busybox, a few modules and a script, as an archive that the kernel unpacks. */
function writeFirstFiles(folder: string): void {
  const first = join(folder, 'first');
  for (const name of ['bin', 'root', 'proc', 'dev']) mkdirSync(join(first, name), { recursive: true });
  copyFileSync('/bin/busybox', join(first, 'bin/busybox'));
  const source = join(folder, 'kernel/lib/modules', releaseOf(folder), 'kernel');
  for (const name of fileModules) copyFileSync(join(source, `${name}.ko`), join(first, `${basename(name)}.ko`));
  const lines = [
    '#!/bin/busybox sh',
    ...fileModules.map((name) => `/bin/busybox insmod /${basename(name)}.ko`),
    '/bin/busybox mount -t virtiofs -o ro host /root || exec /bin/busybox poweroff -f',
    `exec /bin/busybox switch_root /root ${initProgram}`,
    '',
  ];
  writeFileSync(join(first, 'init'), lines.join('\n'), { mode: 0o755 });
  run('sh', ['-c', 'cd first && find . | busybox cpio -o -H newc >../first.img'], folder);
}

function run(program: string, args: readonly string[], folder: string): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
