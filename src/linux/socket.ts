import { closeSync } from 'node:fs';
import { bind, checked, getsockopt, listen, setsockopt, socket } from './libc.ts';

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
