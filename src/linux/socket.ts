import { closeSync, readSync } from 'node:fs';
import type { Socket } from 'node:net';
import { bind, checked, fcntl, getsockopt, ioctl, listen, setsockopt, socket } from './libc.ts';

const inet = 2;
const stream = 1;
const datagram = 2;
/** SOCK_CLOEXEC | SOCK_NONBLOCK */
const flags = 0o2000000 | 0o4000;

/** A TCP socket of the calling thread's network namespace, not yet connected. */
export function openTcpSocket(): number {
  return checked('socket', socket(inet, stream | flags, 0));
}

/** A listening TCP socket; `address` is a dotted quad. */
export function openTcpListener(address: string, port: number, backlog = 1024): number {
  return opened(stream, (fd) => {
    reuseAddress(fd);
    checked('bind', bind(fd, inetAddress(address, port), 16), `${address}:${port}`);
    checked('listen', listen(fd, backlog), `${address}:${port}`);
  });
}

/** A bound UDP socket; `address` is a dotted quad. */
export function openUdpSocket(address: string, port: number): number {
  return opened(datagram, (fd) => {
    reuseAddress(fd);
    checked('bind', bind(fd, inetAddress(address, port), 16), `${address}:${port}`);
  });
}

/** Where a connection was meant to go before netfilter rewrote it: SO_ORIGINAL_DST (linux/netfilter_ipv4.h). */
export function originalDestination(fd: number): { readonly address: string; readonly port: number } {
  const ip = 0;
  const originalDst = 80;
  const address = Buffer.alloc(16);
  checked('getsockopt', getsockopt(fd, ip, originalDst, address, [address.length]));
  return { address: [...address.subarray(4, 8)].join('.'), port: address.readUInt16BE(2) };
}

/** Node keeps it to itself; undefined once the socket is closed. */
export function descriptorOf(socket: Socket): number | undefined {
  return (socket as unknown as { readonly _handle: { readonly fd: number } | null })._handle?.fd;
}

/** A second descriptor of the same socket, close-on-exec: closing one leaves the other. fcntl(2), F_DUPFD_CLOEXEC. */
export function duplicate(fd: number): number {
  const duplicateCloseOnExec = 1030;
  return checked('fcntl', fcntl(fd, duplicateCloseOnExec, 'int', 0));
}

/** Bytes that were sent and that the other side's machine has not acknowledged yet: SIOCOUTQ, tcp(7). */
export function unacknowledgedBytes(fd: number): number {
  const outputQueue = 0x5411;
  const bytes: [number] = [0];
  checked('ioctl', ioctl(fd, outputQueue, bytes));
  return bytes[0];
}

/** What has arrived and was not read, without waiting for more. */
export function readArrived(fd: number): readonly Buffer[] {
  const arrived: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.allocUnsafe(65_536);
    const bytes = readNow(fd, chunk);
    if (bytes === 0) return arrived;
    arrived.push(chunk.subarray(0, bytes));
  }
}

/** An empty socket and a broken one have nothing more to give. */
function readNow(fd: number, into: Buffer): number {
  try {
    return readSync(fd, into);
  } catch {
    return 0;
  }
}

function opened(type: number, prepare: (fd: number) => void): number {
  const fd = checked('socket', socket(inet, type | flags, 0));
  try {
    prepare(fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function reuseAddress(fd: number): void {
  const socketLevel = 1;
  const reuse = 2;
  const on = Buffer.from([1, 0, 0, 0]);
  checked('setsockopt', setsockopt(fd, socketLevel, reuse, on, on.length));
}

/** struct sockaddr_in (ip(7)): family in host order, port and address in network order. */
function inetAddress(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(inet, 0);
  bytes.writeUInt16BE(port, 2);
  address.split('.').forEach((part, index) => bytes.writeUInt8(Number(part), 4 + index));
  return bytes;
}
