import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** The process that has a port of this network namespace, and its program. */
export interface Holder {
  readonly pid: number;
  readonly name: string;
}

/** Undefined when nobody has it, or whoever has it cannot be seen. Looks through the descriptors of every process. */
export function holderOf(protocol: 'tcp' | 'udp', port: number): Holder | undefined {
  const sockets = new Set(socketsAt(protocol, port).map((inode) => `socket:[${inode}]`));
  if (sockets.size === 0) return undefined;
  const pid = readdirSync('/proc').find((entry) => /^\d+$/.test(entry) && hasOneOf(entry, sockets));
  return pid === undefined ? undefined : { pid: Number(pid), name: nameOf(pid) };
}

/** Inodes of the sockets that are bound to the port and listen: /proc/net/tcp and its like (proc(5)). */
function socketsAt(protocol: 'tcp' | 'udp', port: number): string[] {
  const listening = '0A';
  return [protocol, `${protocol}6`].flatMap((table) =>
    linesOf(`/proc/net/${table}`).flatMap((line) => {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      const isThere = Number.parseInt(local.split(':')[1] ?? '', 16) === port;
      return isThere && (protocol === 'udp' || state === listening) ? [inode] : [];
    }),
  );
}

function hasOneOf(pid: string, sockets: ReadonlySet<string>): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => isLinkTo(`${folder}/${fd}`, sockets));
  } catch {
    return false;
  }
}

/** A descriptor may be closed while one looks. */
function isLinkTo(path: string, targets: ReadonlySet<string>): boolean {
  try {
    return targets.has(readlinkSync(path));
  } catch {
    return false;
  }
}

/** Its program, since what it calls itself may be the name of a thread. */
function nameOf(pid: string): string {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`));
  } catch {
    return linesOf(`/proc/${pid}/comm`)[0] ?? '';
  }
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}
